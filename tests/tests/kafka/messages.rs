//! What the tests share: the section, the agent's counts, messages of numbered rows.

use std::collections::BTreeMap;

use gopher_tests::agent::{Agent, until};
use serde_json::Value;

/// Milliseconds without a message after which a topic has been read.
pub(crate) const SILENCE: u64 = 4000;

/// The section that lets the agent send there, with further lines.
pub(crate) fn section(broker: &str, lines: &str) -> String {
    format!("[export.kafka]\nenabled = true\nbrokers = [{broker:?}]\n{lines}\n")
}

/// How many rows, events and tables the agent counts as sent, failed and dropped, and how many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: usize,
    pub(crate) failed: usize,
    pub(crate) dropped: usize,
    pub(crate) queued: usize,
}

impl Counts {
    /// All that were offered.
    pub(crate) fn all(self) -> usize {
        self.sent + self.failed + self.dropped + self.queued
    }
}

pub(crate) fn counts(agent: &Agent) -> Counts {
    let samples = agent.scrape();
    let count = |name: &str, more: &str| {
        samples[&format!("gala_gopher_agent_export_{name}{{exporter=\"kafka\"{more}}}")].parse().unwrap()
    };
    let rows = |outcome: &str| count("rows_total", &format!(",outcome=\"{outcome}\""));
    Counts {
        sent: rows("sent"),
        failed: rows("failed"),
        dropped: rows("dropped"),
        queued: count("queued", ""),
    }
}

/// Waits until the counts are as wanted.
pub(crate) fn until_counts(agent: &Agent, what: &str, wanted: impl Fn(Counts) -> bool) -> Counts {
    until(what, || Some(counts(agent)).filter(|counts| wanted(*counts)))
}

/// A message of the console consumer: the key, and the JSON of the value.
pub(crate) fn parse(line: &str) -> (String, Value) {
    let (key, value) = line.split_once('\t').unwrap();
    let value = serde_json::from_str(value).unwrap_or_else(|error| panic!("{error}: {value}"));
    (key.to_owned(), value)
}

/// The numbers of the fake probe's rows in the order in which they were read. Those of one key are in the order in
/// which they were written.
pub(crate) fn numbers(lines: &[String]) -> Vec<u64> {
    let mut last = BTreeMap::new();
    let rows = lines.iter().map(|line| {
        let (key, value) = parse(line);
        let number: u64 = value["v"].as_str().unwrap().parse().unwrap();
        let before = last.insert(key, number);
        assert!(before.is_none_or(|before| before < number), "{number} after {before:?}");
        number
    });
    rows.collect()
}

/// All of so many numbered rows are here, each once.
pub(crate) fn assert_whole(lines: &[String], count: u64) {
    let mut numbers = numbers(lines);
    numbers.sort_unstable();
    let missing: Vec<_> = (0..count).filter(|number| numbers.binary_search(number).is_err()).collect();
    assert!(
        missing.is_empty(),
        "{} missing, the first {:?}",
        missing.len(),
        &missing[..missing.len().min(9)]
    );
    assert_eq!(numbers.len() as u64, count, "some came twice");
}
