//! The probes `tcp` and `socket`: what they tell of traffic agrees with who made it and with the kernel's own counters.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use gopher_tests::agent::until;
use gopher_tests::probe::{DEADLINE, Row};
use gopher_tests::tree::source_root;
use serde_json::{Map, Value};

#[path = "net/running.rs"]
mod running;

use running::Net;

/// One probe for all tests; they look at their own processes alone.
static NET: LazyLock<Net> = LazyLock::new(|| Net::start(&[]));
/// Of the probe, in seconds.
const PERIOD: u64 = 5;

/// A case of traffic.py that has said what the probes must tell of it, and of which process. Ended when it is dropped.
struct Case {
    child: Child,
    pid: String,
    wanted: Vec<Value>,
}

impl Case {
    fn start(name: &str) -> Self {
        let script = source_root().join("tests/tests/ebpf/net/traffic.py");
        let mut command = Command::new("python3");
        let mut child =
            command.arg(script).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, pid: told["pid"].to_string(), wanted: told["wanted"].as_array().unwrap().clone() }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// True where a number, or a pair of bounds, is met.
fn meets(found: f64, wanted: &Value) -> bool {
    match wanted.as_array() {
        Some(bounds) => found >= bounds[0].as_f64().unwrap() && found <= bounds[1].as_f64().unwrap(),
        None => wanted.as_f64() == Some(found),
    }
}

/// Over all rows: the sum of a field, the observations of a histogram, or the largest of them.
fn total(rows: &[&Row], field: &str) -> f64 {
    let (field, part) = field.split_once('.').unwrap_or((field, ""));
    let values = rows.iter().map(|row| {
        let words: Vec<f64> = row.text(field).split(' ').filter_map(|word| word.parse().ok()).collect();
        match (part, words.len()) {
            ("", _) => row.number(field).unwrap_or(0.0),
            (_, 0) => 0.0,
            ("max", length) => words[length - 1],
            (_, length) => words[length - 3],
        }
    });
    if part == "max" { values.fold(0.0, f64::max) } else { values.fold(0.0, |sum, value| sum + value) }
}

/// What differs from what is wanted, in words.
fn differences(all: &[Row], case: &Case) -> Vec<String> {
    let mut found = Vec::new();
    for entry in &case.wanted {
        let labels = |row: &&Row| {
            let entry: &Map<String, Value> = entry.as_object().unwrap();
            let mut labels = entry.iter().filter(|(name, _)| !["table", "fields"].contains(&name.as_str()));
            row.table == entry["table"]
                && row.text("tgid") == case.pid
                && labels.all(|(name, value)| row.text(name) == value)
        };
        let rows: Vec<&Row> = all.iter().filter(labels).collect();
        for (field, value) in entry["fields"].as_object().unwrap() {
            let total = total(&rows, field);
            if !meets(total, value) {
                found.push(format!(
                    "{} {field} is {total}, wanted {value} ({} rows)",
                    entry["table"],
                    rows.len()
                ));
            }
        }
    }
    found
}

/// Lets a case run, and holds the rows of its process against what it says, also a period later. Once more where the
/// probe says that the kernel did not run its programs meanwhile: then something is missing, and is told to be.
fn agrees(net: &Net, name: &str) {
    loop {
        let lost = net.lost();
        let case = Case::start(name);
        let begun = Instant::now();
        while !differences(&net.rows(), &case).is_empty() && begun.elapsed() < DEADLINE {
            thread::sleep(Duration::from_millis(100));
        }
        net.ticks(1);
        let differences = differences(&net.rows(), &case);
        if differences.is_empty() {
            return;
        }
        assert_ne!(net.lost(), lost, "{differences:#?}");
    }
}

#[test]
fn bytes_and_handshakes_of_short_connections_are_exact() {
    agrees(&NET, "short_connections");
}

#[test]
fn ipv6_is_told_as_exactly() {
    agrees(&NET, "short_connections_of_ipv6");
}

#[test]
fn other_network_namespaces_are_seen() {
    agrees(&NET, "another_network");
}

#[test]
fn bytes_are_exact_however_they_are_written_and_read() {
    agrees(&NET, "ways_to_read_and_write");
}

#[test]
fn an_open_connection_is_told_of_before_it_ends() {
    agrees(&NET, "a_connection_that_stays");
}

#[test]
fn a_syn_sent_again_is_counted_as_the_kernel_does() {
    agrees(&NET, "repeated_syn");
}

#[test]
fn an_address_that_nobody_answers_for_is_told() {
    agrees(&NET, "nobody_answers_for_the_address");
}

#[test]
fn requests_that_meet_a_full_queue_are_counted_as_the_kernel_does() {
    agrees(&NET, "queue_of_accepted_connections_is_full");
}

#[test]
fn bytes_of_datagrams_are_exact_and_a_peek_is_no_reception() {
    agrees(&NET, "datagrams");
}

#[test]
fn datagrams_without_room_are_counted_as_the_kernel_does() {
    agrees(&NET, "datagrams_that_find_no_room");
}

#[test]
fn a_delay_lies_between_what_both_sides_measured() {
    agrees(&NET, "data_that_waits");
}

#[test]
fn resets_are_told_on_both_sides() {
    agrees(&NET, "resets");
}

#[test]
fn what_a_filter_drops_is_told() {
    agrees(&NET, "a_filter_that_lets_nothing_through");
}

#[test]
fn sockets_that_were_there_before_are_adopted_without_their_past() {
    let case = Case::start("a_connection_from_before");
    let net = Net::start(&[]);
    net.ticks(1);
    let mut input = case.child.stdin.as_ref().unwrap();
    input.write_all(b"go\n").unwrap();
    let begun = Instant::now();
    while !differences(&net.rows(), &case).is_empty() && begun.elapsed() < DEADLINE {
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(differences(&net.rows(), &case), Vec::<String>::new());
}

#[test]
fn what_finds_no_place_is_added_up_and_counted() {
    // Long enough for all of it to fall into one period, on a slow machine too.
    let net = Net::start(&[("report_period", 30.into())]);
    net.ticks(1);
    let case = Case::start("more_peers_than_places");
    let begun = Instant::now();
    let sent = || -> f64 {
        let rows = net.rows();
        let of =
            |row: &&Row| row.table == "endpoint_udp" && [case.pid.as_str(), "0"].contains(&row.text("tgid"));
        rows.iter().filter(of).filter_map(|row| row.number("bind_sends")).sum()
    };
    let wanted = case.wanted[0]["fields"]["bind_sends"].as_f64().unwrap();
    while sent() < wanted && begun.elapsed() < DEADLINE {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(sent() >= wanted, "{} of {wanted}", sent());
    until("it is told", || net.lost().contains_key("udp_flows").then_some(()));
}

#[test]
fn nobody_out_of_scope_is_told_of() {
    let inside = Case::start("a_connection_from_before");
    let outside = Case::start("a_connection_from_before");
    let net = Net::observing(&inside.pid);
    net.ticks(1);
    for case in [&inside, &outside] {
        case.child.stdin.as_ref().unwrap().write_all(b"go\n").unwrap();
    }
    let begun = Instant::now();
    while !differences(&net.rows(), &inside).is_empty() && begun.elapsed() < DEADLINE {
        thread::sleep(Duration::from_millis(100));
    }
    net.ticks(1);
    let rows = net.rows();
    assert_eq!(differences(&rows, &inside), Vec::<String>::new());
    assert!(rows.iter().all(|row| row.text("tgid") == inside.pid), "{rows:?}");
}
