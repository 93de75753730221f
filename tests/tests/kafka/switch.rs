//! The exporter is switched on, changed and switched off while the agent runs under load.

use gopher_tests::agent::{Agent, Home, sum, until};
use gopher_tests::kafka::Kafka;

use crate::messages::{SILENCE, assert_whole, counts, numbers, section, until_counts};

/// Rows of the test.
const ROWS: u64 = 30_000;

#[test]
fn a_change_loses_and_doubles_nothing() {
    let broker = Kafka::start();
    let home = Home::new();
    home.fake("load", &["--rows", &ROWS.to_string(), "--keys", "100", "--rate", "3000"]);
    let topics = |name: &str| section(&broker.plain(), &format!("topics = {{ metric = {name:?} }}"));
    home.configure(&topics("one"));
    let agent = Agent::start(home);
    until_counts(&agent, "rows", |counts| counts.sent > 3000);
    agent.home.configure(&topics("two"));
    let now = counts(&agent).sent;
    until_counts(&agent, "more rows", |counts| counts.sent > now + 3000);
    agent.home.configure(&topics("three"));
    // Each of the three exporters has told the table.
    let end = until_counts(&agent, "all rows", |counts| counts.sent as u64 >= ROWS + 3);
    assert_eq!((end.sent as u64, end.failed, end.dropped), (ROWS + 3, 0, 0), "{}", agent.log());

    let mut read = Vec::new();
    for topic in ["one", "two", "three"] {
        let some = broker.read(topic, 30_000, SILENCE);
        assert!(!some.is_empty(), "{topic}");
        read.extend(some);
    }
    assert_whole(&read, ROWS);
}

#[test]
fn it_is_switched_on_and_off() {
    let broker = Kafka::start();
    let home = Home::new();
    home.fake("load", &["--rows", "1000000", "--keys", "100", "--rate", "500"]);
    let agent = Agent::start(home);
    assert!(!agent.scrape().keys().any(|name| name.contains("exporter=\"kafka\"")));
    agent.home.configure(&section(&broker.plain(), ""));
    until("rows", || (agent.scrape().get(SENT)?.parse::<u64>().unwrap() > 500).then_some(()));
    agent.home.configure("");
    let accepted = || sum(&agent.scrape(), "gala_gopher_agent_rows_total", &[]);
    let sent = until("the end of the exporter", || {
        let (sent, rows) = (counts(&agent).sent, accepted());
        until("more rows", || (accepted() > rows + 100).then_some(()));
        (counts(&agent).sent == sent).then_some(sent)
    });
    let read = numbers(&broker.read("gala_gopher", 1_000_000, SILENCE));
    // One of those that were sent was the table; the others follow each other.
    assert_eq!(read.len(), sent - 1);
    let (first, last) = (read.iter().min().unwrap(), read.iter().max().unwrap());
    assert_eq!(last - first + 1, read.len() as u64);
    assert_eq!(counts(&agent).all(), sent);
}

const SENT: &str = "gala_gopher_agent_export_rows_total{exporter=\"kafka\",outcome=\"sent\"}";
