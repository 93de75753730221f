//! `procwatch` alone, and as the agent's source of news of processes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use gopher_protocol::notice::{Happened, News};
use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::probe::{Output, Probe, manifest_text};
use gopher_tests::tree::{binary, source_root};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Processes of one test.
const MANY: usize = 200;

/// The probe, once it says that it works, and its capabilities.
fn started() -> (Probe, BTreeMap<String, String>) {
    let text = manifest_text(&source_root().join("probes/procwatch")).unwrap();
    let mut probe = Probe::start_command(Command::new(binary("procwatch")), &text, &[], &[]).unwrap();
    let mut hooks = BTreeMap::new();
    loop {
        match probe.next_output().unwrap() {
            Output::Capability([name, _, hook, fidelity, refused]) => {
                assert_eq!((fidelity.as_str(), refused.as_str()), ("exact", ""), "{name} by {hook}");
                hooks.insert(name, hook);
            }
            Output::Ready => return (probe, hooks),
            other => panic!("{other:?} before it is ready"),
        }
    }
}

/// What it tells of a process, from its start to its end. Another is made where some of the news were lost, which is told.
fn news_of(probe: &mut Probe, mut make: impl FnMut() -> u32) -> Vec<Happened> {
    loop {
        let process = make();
        let mut all = Vec::new();
        let mut lost = false;
        while all.last() != Some(&Happened::Ended) && !lost {
            match probe.next_output().unwrap() {
                Output::News(News { pid, happened }) if pid == process => all.push(happened),
                Output::Lost(..) => lost = true,
                _ => {}
            }
        }
        if !lost {
            return all;
        }
    }
}

/// Runs a command to its end and gives the id that it had.
fn run(command: &mut Command) -> u32 {
    let mut child = command.spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

#[test]
fn a_process_starts_runs_a_program_and_ends_once() {
    let (mut probe, hooks) = started();
    assert_eq!(hooks.keys().collect::<Vec<_>>(), ["end", "name", "program", "start"]);
    let all = news_of(&mut probe, || run(&mut Command::new("true")));
    assert_eq!(all.first(), Some(&Happened::Started), "{all:?}");
    assert!(all.contains(&Happened::Changed), "{all:?}");
}

#[test]
fn threads_are_no_processes_and_the_last_one_ends_theirs() {
    let (mut probe, _) = started();
    // Its first thread ends before the other.
    let script = "import threading, time, ctypes\n\
        threading.Thread(target=lambda: time.sleep(0.3)).start()\n\
        ctypes.CDLL(None).syscall(60, 0)";
    let all = news_of(&mut probe, || run(Command::new("python3").args(["-c", script])));
    let count = |wanted| all.iter().filter(|happened| **happened == wanted).count();
    assert_eq!((count(Happened::Started), count(Happened::Ended)), (1, 1), "{all:?}");
}

#[test]
fn every_one_of_many_short_processes_is_told_or_counted_as_lost() {
    let (mut probe, _) = started();
    let mut children: Vec<_> = (0..MANY).map(|_| Command::new("true").spawn().unwrap()).collect();
    let mut left: BTreeMap<u32, bool> = children.iter().map(|child| (child.id(), false)).collect();
    for child in &mut children {
        child.wait().unwrap();
    }
    // What the kernel left out is said, and nothing else is missing.
    let (mut lost, mut unseen) = (0, 0);
    while left.len() + unseen > lost {
        match probe.next_output().unwrap() {
            Output::News(News { pid, happened: Happened::Started }) => {
                left.entry(pid).and_modify(|started| *started = true);
            }
            Output::News(News { pid, happened: Happened::Ended }) => {
                unseen += usize::from(left.remove(&pid) == Some(false));
            }
            Output::Lost(_, count) => lost += usize::try_from(count).unwrap(),
            _ => {}
        }
    }
}

/// Changes its name as often as it is told, and waits.
const RENAMES: &str = "import sys\n\
    with open('/proc/self/comm', 'w', buffering=1) as name:\n\
    \u{20}for i in range(int(sys.argv[1])): name.write(f'{i}\\n')\n\
    print('done', flush=True)\n\
    sys.stdin.read()";

#[test]
fn what_finds_no_room_in_the_ring_is_counted_and_what_follows_is_told() {
    /// More than the ring can hold, in records of 16 bytes.
    const NAMES: usize = 20_000;
    let (mut probe, _) = started();
    let stop = |signal| kill(Pid::from_raw(i32::try_from(probe.pid()).unwrap()), signal).unwrap();
    stop(Signal::SIGSTOP);
    let mut command = Command::new("python3");
    command.args(["-c", RENAMES, &NAMES.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    stop(Signal::SIGCONT);
    let (mut told, mut lost) = (0, 0);
    while told + lost < NAMES || lost == 0 {
        match probe.next_output().unwrap() {
            Output::News(News { pid, happened: Happened::Changed }) => told += usize::from(pid == child.id()),
            Output::Lost(_, count) => lost += usize::try_from(count).unwrap(),
            _ => {}
        }
    }
    assert!(told < NAMES, "{told}");
    drop(child.stdin.take());
    child.wait().unwrap();
    let all = news_of(&mut probe, || run(&mut Command::new("true")));
    assert_eq!(all.first(), Some(&Happened::Started), "{all:?}");
}

#[test]
fn processes_of_other_pid_namespaces_are_told_by_their_numbers_here() {
    let (mut probe, _) = started();
    let all = news_of(&mut probe, || {
        let mut child = Command::new("unshare").args(["--pid", "--fork", "sleep", "0.2"]).spawn().unwrap();
        let inner = until("its child", || {
            let path = format!("/proc/{0}/task/{0}/children", child.id());
            fs::read_to_string(path).ok()?.trim().parse().ok()
        });
        child.wait().unwrap();
        inner
    });
    assert_eq!(all.first(), Some(&Happened::Started));
}

/// The process of the probe below this agent.
fn pid(agent: &Agent) -> Option<i32> {
    let line = agent.said("Probe runs. probe=\"procwatch\"").pop()?;
    line.split("pid=").nth(1)?.split(' ').next()?.parse().ok()
}

fn source(agent: &Agent, source: &str) {
    agent.until(source, |samples| {
        let metric = format!("gala_gopher_agent_scope_source{{source=\"{source}\"}}");
        samples.get(&metric).map(String::as_str) == Some("1")
    });
}

#[test]
fn it_runs_while_a_scope_follows_processes_and_is_done_without_when_it_dies() {
    let home = Home::new().with_built_in("procwatch").with_built_in("baseinfo");
    home.configure("");
    let agent = Agent::start(home);
    source(&agent, "none");
    assert_eq!(pid(&agent), None, "nobody needs it");
    agent.home.configure("[probe.baseinfo]\nscope = { proc_name = [{ comm = \"^gopher$\" }] }\n");
    source(&agent, "ebpf");
    let works = agent.scrape();
    let hook =
        works.keys().find(|name| name.starts_with("gala_gopher_agent_probe_capability{capability=\"start\""));
    assert!(hook.is_some_and(|hook| hook.contains("sched_process_fork")), "{hook:?}");
    let first = pid(&agent).unwrap();
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    until("another process", || pid(&agent).filter(|now| *now != first));
    source(&agent, "ebpf");
    agent.home.configure("[probe.baseinfo]\nscope = { all = true }\n");
    source(&agent, "none");
}

#[test]
fn an_extend_folder_cannot_tell_the_agent_of_processes() {
    let home = Home::new();
    home.fake_with("liar", &["--line", "|news|1|ended|"], "feeds = \"scopes\"\n");
    home.configure("");
    let agent = Agent::start(home);
    until("the refusal", || {
        agent.log().contains("only built-in probes tell the agent of processes").then_some(())
    });
}
