//! Processes that come, go and change their names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gopher_tests::agent::until;
use tempfile::TempDir;

use crate::observer::{NO_RUNTIME, Observer};

/// A shell under a name of its own that does what its stdin says; it ends with the test.
struct Shell {
    child: Child,
    input: ChildStdin,
}

impl Shell {
    fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        Self { child, input }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn does(&mut self, line: &str) {
        use std::io::Write as _;
        writeln!(self.input, "{line}").unwrap();
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Shells under names that no other test has.
fn programs(names: &[&str]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &&str| {
        let program = folder.path().join(name);
        fs::copy("/bin/sh", &program).unwrap();
        program
    };
    let programs = names.iter().map(copy).collect();
    (folder, programs)
}

#[test]
fn a_name_selects_whoever_starts_runs_a_program_or_renames_itself() {
    let (_folder, programs) = programs(&["gg one", "gg-other"]);
    let first = Shell::start(&programs[0], &[]);
    let scope = "{ proc_name = [{ comm = \"^gg one$\" }, { comm = \"^gg-re\" }] }";
    let observer = Observer::start(scope, NO_RUNTIME);
    observer.until_sees("the one that was there", &[first.pid()]);
    let second = Shell::start(&programs[0], &[]);
    let mut other = Shell::start(&programs[1], &[]);
    let seen = observer.until_sees("the one that started", &[first.pid(), second.pid()]);
    assert!(seen.processes.iter().all(|process| process.comm == "gg one" && process.start_time > 0));
    other.does("printf gg-renamed >/proc/$$/comm");
    observer.until_sees("the one that renamed itself", &[first.pid(), second.pid(), other.pid()]);
    other.does("exec cat");
    observer.until_sees("the one that runs another program", &[first.pid(), second.pid()]);
    drop(first);
    observer.until_sees("the end of one", &[second.pid()]);
}

#[test]
fn command_lines_tell_processes_of_one_name_apart_and_exclusions_win() {
    let (_folder, programs) = programs(&["gg-two"]);
    let marked = Shell::start(&programs[0], &["-s", "mark=1"]);
    let plain = Shell::start(&programs[0], &["-s", "plain"]);
    let observer =
        Observer::start("{ proc_name = [{ comm = \"^gg-two$\", cmdline = \"mark=\" }] }", NO_RUNTIME);
    observer.until_sees("the marked one", &[marked.pid()]);
    let exclude = format!("exclude = {{ proc_id = [{}] }}", marked.pid());
    observer.observe(&format!("{{ proc_name = [{{ comm = \"^gg-two$\" }}], {exclude} }}"), NO_RUNTIME);
    observer.until_sees("the other", &[plain.pid()]);
}

#[test]
fn the_whitelist_holds_where_a_probe_says_nothing() {
    let (_folder, programs) = programs(&["gg-three"]);
    let shell = Shell::start(&programs[0], &[]);
    let observer = Observer::start("{ custom_labels = { site = \"n\" } }", NO_RUNTIME);
    let whitelist = observer.agent.home.path().join("gala-gopher-app.conf");
    fs::write(whitelist, "proc_name = [{ comm = \"^gg-three$\" }]\n").unwrap();
    observer.until_sees("by the whitelist", &[shell.pid()]);
    observer.until_labelled("seen_up", &["comm=\"gg-three\"", "site=\"n\""]);
}

/// Starts short processes until it is dropped, about 200 a second.
struct Churn {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Churn {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                assert!(Command::new("true").status().unwrap().success());
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the churn failed");
        }
    }
}

#[test]
fn a_process_is_found_among_many_that_come_and_go_and_the_agent_starts_none() {
    let (_folder, programs) = programs(&["gg-four"]);
    let observer = Observer::start("{ proc_name = [{ comm = \"^gg-four$\" }] }", NO_RUNTIME);
    let children = |observer: &Observer| {
        observer.agent.children().iter().map(|process| process.pid).collect::<std::collections::BTreeSet<_>>()
    };
    let before = children(&observer);
    let churn = Churn::start();
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(Shell::start(&programs[0], &[]));
        let pids: Vec<_> = seen.iter().map(Shell::pid).collect();
        observer.until_sees("the new one", &pids);
        assert_eq!(children(&observer), before);
    }
    drop(churn);
}

#[test]
fn a_probe_hears_of_many_changes_five_times_a_second_at_most_and_of_the_last() {
    let (_folder, programs) = programs(&["gg-five"]);
    let observer = Observer::start("{ proc_name = [{ comm = \"^gg-five$\" }] }", NO_RUNTIME);
    observer.until_sees("nobody", &[]);
    let (told, begun) = (observer.told(), std::time::Instant::now());
    let shells: Vec<_> = (0..60)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            Shell::start(&programs[0], &[])
        })
        .collect();
    let pids: Vec<_> = shells.iter().map(Shell::pid).collect();
    observer.until_sees("all of them", &pids);
    let fifths = begun.elapsed().as_millis() / 200;
    assert!(observer.told() - told <= usize::try_from(fifths).unwrap() + 2, "{fifths} fifths of a second");
}

#[test]
fn the_agent_says_where_news_of_processes_come_from() {
    let observer = Observer::start("{ proc_id = [1] }", NO_RUNTIME);
    let metric = |source: &str| format!("gala_gopher_agent_scope_source{{source=\"{source}\"}}");
    let shows = |source: &str| {
        observer.agent.until(source, |samples| {
            let one = |name: &str| samples.get(&metric(name)).map(String::as_str) == Some("1");
            one(source) && ["connector", "procfs", "none"].into_iter().filter(|name| one(name)).count() == 1
        });
    };
    let source = if observer.agent.said("No news of processes from the kernel").is_empty() {
        "connector"
    } else {
        "procfs"
    };
    shows(source);
    observer.observe("{ all = true }", NO_RUNTIME);
    until("all", || observer.scope().filter(|scope| scope.all));
    shows("none");
}
