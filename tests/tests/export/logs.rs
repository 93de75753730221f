//! Files of JSON lines hold every row and event once, whatever happens to the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gopher_tests::agent::{Agent, Home, sum, until};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

const ROWS: &str = "gala_gopher_agent_rows_total";
const EXPORTED: &str = "gala_gopher_agent_export_rows_total";

fn configure(home: &Home, lines: &str) {
    let directory = logs(home).display().to_string();
    home.configure(&format!("[export.logs]\nenabled = true\ndirectory = \"{directory}\"\n{lines}"));
}

fn logs(home: &Home) -> PathBuf {
    home.path().join("logs")
}

/// An agent with a probe that the flags tell what to write.
fn agent(flags: &[&str], lines: &str) -> Agent {
    let home = Home::new();
    home.fake("fake", flags);
    configure(&home, lines);
    Agent::start(home)
}

/// All lines of all files in the folder whose names begin so, each of which must be an object.
fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with(name));
    let text: String = files.map(|file| fs::read_to_string(file.path()).unwrap()).collect();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn exported(agent: &Agent, outcome: &str) -> u64 {
    sum(&agent.scrape(), EXPORTED, &[("exporter", "logs"), ("outcome", outcome)])
}

fn accepted(agent: &Agent) -> u64 {
    sum(&agent.scrape(), ROWS, &[("outcome", "accepted")])
}

/// The numbers of the rows, sorted.
fn ids(lines: &[Value]) -> Vec<u64> {
    let mut ids: Vec<u64> = lines.iter().map(|line| line["id"].as_str().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn every_row_is_in_exactly_one_of_the_files_while_they_rotate() {
    let lines_of = "metrics = true\nfile_size = \"64KiB\"\nfiles = 1000";
    let agent = agent(&["--rows", "5000"], lines_of);
    until("all rows", || (exported(&agent, "sent") == 5000).then_some(()));
    assert_eq!((accepted(&agent), exported(&agent, "dropped"), exported(&agent, "failed")), (5000, 0, 0));
    let folder = logs(&agent.home);
    assert!(folder.join("metrics.jsonl.3").exists());
    assert!(folder.read_dir().unwrap().all(|file| file.unwrap().metadata().unwrap().len() <= 64 << 10));
    assert_eq!(ids(&lines(&folder, "metrics.jsonl")), (0..5000).collect::<Vec<_>>());
    until("the table's description", || {
        let tables = lines(&folder, "metadata.jsonl");
        tables.iter().any(|table| table["meta_name"] == "demo" && table["metrics"][0] == "v").then_some(())
    });
}

#[test]
fn events_are_written_and_rows_only_on_request() {
    let pid = std::process::id();
    let event = format!("|event|disk|sda|util|{pid}||||||WARN|13|Disk \\\"sda\\\" is busy.|");
    let agent = agent(&["--line", &event, "--rows", "3"], "");
    let folder = logs(&agent.home);
    let events = until("the event", || Some(lines(&folder, "events.jsonl")).filter(|all| !all.is_empty()));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["Resource"]["metric"], "gala_gopher_disk_util");
    assert!(events[0]["event_id"].as_str().unwrap().ends_with("_disk_sda"));
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(events[0]["Resource"]["labels"]["COMM"], comm.trim_end());
    let body = events[0]["Body"].as_str().unwrap();
    assert_eq!(&body[24..], " WARN Entity(sda) Disk \\\"sda\\\" is busy.");
    assert!(!folder.join("metrics.jsonl").exists());
}

#[test]
fn logrotate_moves_the_files_under_load_and_no_row_is_lost() {
    let agent = agent(&["--period", "1"], "metrics = true");
    let folder = logs(&agent.home);
    let rules = agent.home.path().join("logrotate.conf");
    let text = format!(
        "{}/metrics.jsonl {{\n su root root\n rotate 100\n olddir {}\n createolddir 0750\n}}\n",
        folder.display(),
        folder.join("old").display()
    );
    fs::write(&rules, text).unwrap();
    for round in 1..=3 {
        until("new lines", || folder.join("metrics.jsonl").metadata().ok().filter(|file| file.len() > 1000));
        let state = agent.home.path().join("logrotate.state");
        let done =
            Command::new("/usr/sbin/logrotate").arg("--force").arg("-s").arg(state).arg(&rules).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{done:?}");
        assert!(folder.join(format!("old/metrics.jsonl.{round}")).exists());
    }
    until("a new file", || folder.join("metrics.jsonl").exists().then_some(()));
    let (rows, agent) = stopped(agent);
    let left = lines(&folder, "metrics.jsonl").len() + lines(&folder.join("old"), "metrics.jsonl").len();
    assert!(left as u64 >= rows, "{left} lines of {rows} rows: {}", agent.log());
}

/// The rows that were accepted when the agent was told to stop; it has stopped.
fn stopped(mut agent: Agent) -> (u64, Agent) {
    let rows = accepted(&agent);
    agent.stop();
    (rows, agent)
}

#[test]
fn a_kill_spoils_no_line_of_the_next_agent() {
    let mut agent = agent(&["--rows", "100"], "metrics = true");
    until("all rows", || (exported(&agent, "sent") == 100).then_some(()));
    agent.kill();
    let file = logs(&agent.home).join("metrics.jsonl");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 7]).unwrap();
    let again = Agent::start(agent.home.clone());
    until("all rows again", || (exported(&again, "sent") == 100).then_some(()));
    let text = fs::read_to_string(&file).unwrap();
    let good = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    assert_eq!((good, text.lines().count()), (199, 200));
}

#[test]
fn a_full_disk_costs_nothing_that_the_queue_can_hold() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
    let home = Home::new();
    home.fake("fake", &["--rows", "3000"]);
    configure(&home, "metrics = true");
    let folder = logs(&home);
    fs::create_dir(&folder).unwrap();
    mount(Some("small"), &folder, Some("tmpfs"), MsFlags::empty(), Some("size=256k")).unwrap();
    fs::write(folder.join("filler"), vec![b'x'; 128 << 10]).unwrap();
    let agent = Agent::start(home);
    agent.says("Log files cannot be written");
    until("all rows accepted", || (accepted(&agent) == 3000).then_some(()));
    assert!(exported(&agent, "sent") < 3000);
    for line in lines(&folder, "metrics.jsonl") {
        assert!(line["id"].is_string());
    }
    fs::remove_file(folder.join("filler")).unwrap();
    mount(None::<&str>, &folder, None::<&str>, MsFlags::MS_REMOUNT, Some("size=8m")).unwrap();
    until("all rows", || (exported(&agent, "sent") == 3000).then_some(()));
    agent.says("Log files are written again");
    assert_eq!((exported(&agent, "dropped"), agent.said("cannot be written").len()), (0, 1));
    assert_eq!(ids(&lines(&folder, "metrics.jsonl")), (0..3000).collect::<Vec<_>>());
    drop(agent);
    umount2(&folder, MntFlags::MNT_DETACH).unwrap();
}

#[test]
fn what_the_queue_cannot_hold_is_counted() {
    let home = Home::new();
    home.fake("fake", &["--rows", "3000"]);
    configure(&home, "metrics = true\nqueue = 10");
    // A folder where the file should be.
    fs::create_dir_all(logs(&home).join("metrics.jsonl")).unwrap();
    let agent = Agent::start(home);
    until("all rows accepted", || (accepted(&agent) == 3000).then_some(()));
    agent.says("Log files cannot be written");
    fs::remove_dir(logs(&agent.home).join("metrics.jsonl")).unwrap();
    until("an account of all", || {
        (exported(&agent, "sent") + exported(&agent, "dropped") == 3000).then_some(())
    });
    assert_eq!(lines(&logs(&agent.home), "metrics.jsonl").len() as u64, exported(&agent, "sent"));
    assert!(exported(&agent, "dropped") > 0);
}

#[test]
fn it_is_switched_on_and_off_while_the_agent_runs() {
    let home = Home::new();
    home.fake("fake", &["--period", "5"]);
    let agent = Agent::start(home);
    configure(&agent.home, "metrics = true");
    until("rows", || (exported(&agent, "sent") > 10).then_some(()));
    agent.home.configure("");
    agent.says("export.logs");
    let file = logs(&agent.home).join("metrics.jsonl");
    until("the end", || {
        let before = (exported(&agent, "sent"), accepted(&agent));
        agent.until("further rows", |now| sum(now, ROWS, &[("outcome", "accepted")]) > before.1 + 20);
        (exported(&agent, "sent") == before.0).then_some(())
    });
    assert!(file.exists());
}

#[test]
fn events_of_the_host_are_written_in_the_language_of_the_configuration() {
    let home = Home::new().with_built_in("baseinfo");
    let directory = logs(&home).display().to_string();
    home.configure(&format!(
        "[events]\nlanguage = \"zh\"\n[export.logs]\nenabled = true\ndirectory = \"{directory}\"\n\
         [probe.baseinfo]\nitems = [\"mem\"]\nparams = {{ report_event = 1, res_upper_thr = 1, report_period = 5 }}\n"
    ));
    let agent = Agent::start(home);
    let folder = logs(&agent.home);
    let events = until("an event", || Some(lines(&folder, "events.jsonl")).filter(|all| !all.is_empty()));
    let body = events[0]["Body"].as_str().unwrap();
    assert!(body.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)), "{body}");
}
