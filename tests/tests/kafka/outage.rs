//! Brokers go away under load and come back: what the bound holds arrives once and in order, what it does not hold is
//! counted.

use std::fs;

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::kafka::Kafka;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;

use crate::messages::{SILENCE, assert_whole, numbers, section, until_counts};

/// Rows of a test; with the one table that is what the exporter is offered.
const ROWS: u64 = 24_000;
const OFFERED: usize = 24_001;

/// Folders with a probe that writes numbered rows over a hundred keys.
fn home(rate: u64) -> Home {
    let home = Home::new();
    let (rows, rate) = (ROWS.to_string(), rate.to_string());
    home.fake("load", &["--rows", &rows, "--keys", "100", "--rate", &rate]);
    home
}

/// Bytes in the spool.
fn spooled(home: &Home) -> u64 {
    let files = fs::read_dir(home.path().join("state/spool/kafka")).into_iter().flatten();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn nothing_is_lost_or_doubled_while_a_broker_is_away_under_load() {
    away_under_load(Kafka::stop, Kafka::restart);
}

#[test]
fn nothing_is_lost_or_doubled_when_a_broker_is_killed_under_load() {
    away_under_load(Kafka::kill, Kafka::restart);
}

#[test]
fn nothing_is_lost_or_doubled_while_a_broker_hangs_under_load() {
    away_under_load(|broker| broker.signal(Signal::SIGSTOP), |broker| broker.signal(Signal::SIGCONT));
}

fn away_under_load(leave: impl Fn(&mut Kafka), come_back: impl Fn(&mut Kafka)) {
    let mut broker = Kafka::start();
    let home = home(2000);
    home.configure(&section(&broker.plain(), ""));
    let agent = Agent::start(home);
    until_counts(&agent, "rows at the broker", |counts| counts.sent > 2000);
    leave(&mut broker);
    until_counts(&agent, "rows that wait", |counts| counts.queued > 6000);
    assert!(spooled(&agent.home) > 100_000, "they are on disk");
    come_back(&mut broker);
    let end = until_counts(&agent, "all rows at the broker", |counts| counts.sent == OFFERED);
    assert_eq!((end.failed, end.dropped, end.queued), (0, 0, 0), "{}", agent.log());
    until("an empty spool", || (spooled(&agent.home) == 0).then_some(()));
    assert_whole(&broker.read("gala_gopher", OFFERED, SILENCE), ROWS);
    assert_eq!(agent.said("Kafka takes no messages").len(), 1, "{}", agent.log());
    assert_eq!(agent.said("Kafka takes messages again").len(), 1, "{}", agent.log());
}

#[test]
fn a_restart_of_the_agent_keeps_what_waits() {
    let mut broker = Kafka::start();
    broker.stop();
    let home = home(0);
    home.configure(&section(&broker.plain(), ""));
    let mut agent = Agent::start(home);
    until_counts(&agent, "rows that wait", |counts| counts.queued == OFFERED);
    assert_eq!(agent.stop().code(), Some(0));
    assert_eq!(agent.said("stay in the spool").len(), 1, "{}", agent.log());

    // It is killed this time, once all of it is on disk.
    fs::remove_dir_all(agent.home.path().join("extend/load")).unwrap();
    let home = agent.home.clone();
    let before = spooled(&home);
    drop(agent);
    let mut agent = Agent::start(home.clone());
    until_counts(&agent, "rows of the spool", |counts| counts.queued == OFFERED);
    agent.kill();
    assert_eq!(spooled(&home), before);

    drop(agent);
    broker.restart();
    let agent = Agent::start(home);
    until_counts(&agent, "all rows at the broker", |counts| counts.sent == OFFERED);
    assert_whole(&broker.read("gala_gopher", OFFERED, SILENCE), ROWS);
}

#[test]
fn beyond_the_bound_the_newest_are_dropped_and_counted() {
    let mut broker = Kafka::start();
    broker.stop();
    let home = home(0);
    home.configure(&section(&broker.plain(), "buffer = \"4MiB\"\nspool_size = \"4MiB\""));
    let agent = Agent::start(home);
    let full = until_counts(&agent, "a loss", |counts| counts.dropped > 1000 && counts.all() == OFFERED);
    assert!(spooled(&agent.home) <= (4 << 20) + 1024, "{}", spooled(&agent.home));
    broker.restart();
    let end = until_counts(&agent, "the rest at the broker", |counts| counts.queued == 0);
    assert_eq!((end.failed, end.all()), (0, OFFERED), "{}", agent.log());
    assert!(end.dropped >= full.dropped, "{full:?} {end:?}");
    // One of those that were sent was the table.
    assert_whole(&broker.read("gala_gopher", OFFERED, SILENCE), end.sent as u64 - 1);
    assert_eq!(agent.said("were dropped because they did not fit").len(), 1, "{}", agent.log());
}

#[test]
fn a_spool_that_is_removed_is_made_again() {
    let mut broker = Kafka::start();
    broker.stop();
    let home = home(0);
    home.configure(&section(&broker.plain(), ""));
    let mut agent = Agent::start(home);
    until_counts(&agent, "rows that wait", |counts| counts.queued == OFFERED);
    until("messages on disk", || (spooled(&agent.home) > 1_000_000).then_some(()));
    // The agent writes meanwhile: a folder is moved away whole, but not emptied.
    fs::rename(agent.home.path().join("state/spool"), agent.home.path().join("removed")).unwrap();
    agent.says("The folder of the Kafka spool was removed and is made again");
    assert_eq!(agent.stop().code(), Some(0));
    assert_eq!(kept(&agent), OFFERED);

    fs::remove_dir_all(agent.home.path().join("extend/load")).unwrap();
    broker.restart();
    let agent = Agent::start(agent.home.clone());
    until_counts(&agent, "all rows at the broker", |counts| counts.sent == OFFERED);
    assert_whole(&broker.read("gala_gopher", OFFERED, SILENCE), ROWS);
}

#[test]
fn on_a_full_disk_what_is_not_dropped_is_sent() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
    let mut broker = Kafka::start();
    broker.stop();
    let home = home(0);
    home.configure(&section(&broker.plain(), "buffer = \"4MiB\""));
    let spool = home.path().join("state/spool");
    fs::create_dir_all(&spool).unwrap();
    mount(Some("small"), &spool, Some("tmpfs"), MsFlags::empty(), Some("size=1500k")).unwrap();
    let mut agent = Agent::start(home);
    let full = until_counts(&agent, "all rows", |counts| counts.all() == OFFERED);
    assert_eq!(agent.stop().code(), Some(0));
    let kept = kept(&agent);
    assert!(kept > 0 && kept < full.queued, "{kept} of {full:?}");
    for line in agent.said("were dropped because") {
        assert!(line.contains("No space left on device"), "{line}");
    }
    let count = |line: &String| number(line, "count=");
    let dropped: usize =
        agent.said("were dropped because the spool cannot be written").iter().map(count).sum();
    assert_eq!(dropped + kept, OFFERED, "{}", agent.log());

    fs::remove_dir_all(agent.home.path().join("extend/load")).unwrap();
    broker.restart();
    let agent = Agent::start(agent.home.clone());
    until_counts(&agent, "what was kept at the broker", |counts| counts.sent == kept && counts.queued == 0);
    let mut rows = numbers(&broker.read("gala_gopher", kept, SILENCE));
    rows.sort_unstable();
    rows.dedup();
    // One of them may be the table.
    assert!(kept - rows.len() <= 1, "{} of {kept}", rows.len());
    drop(agent);
    umount2(&spool, MntFlags::MNT_DETACH).unwrap();
}

/// How many messages an agent that has ended says it has left.
fn kept(agent: &Agent) -> usize {
    number(&agent.said("stay in the spool").concat(), "kept=")
}

/// The number of a field in a line of the log.
fn number(line: &str, field: &str) -> usize {
    let (_, rest) = line.split_once(field).unwrap_or_else(|| panic!("no {field} in {line:?}"));
    rest.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
}
