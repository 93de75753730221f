//! The probes `tcp` and `socket`: what they tell of traffic agrees with who made it and with the kernel's own counters.

use std::io::Write as _;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use gopher_tests::agent::until;
use gopher_tests::net::Net;
use gopher_tests::probe::{DEADLINE, Row};
use serde_json::{Map, Value};

#[path = "net/case.rs"]
mod case;
#[path = "net/exact.rs"]
mod exact;

use case::{Case, meets};

/// One probe for all tests; they look at their own processes alone.
static NET: LazyLock<Net> = LazyLock::new(|| Net::start(&[]));

/// Over all rows: the sum of a field, the observations of a histogram, the largest of them, or the mean of those in the
/// last row that has any.
fn total(rows: &[&Row], field: &str) -> f64 {
    let (field, part) = field.split_once('.').unwrap_or((field, ""));
    let mut values = rows.iter().filter_map(|row| {
        let words: Vec<f64> = row.text(field).split(' ').filter_map(|word| word.parse().ok()).collect();
        match (part, words.as_slice()) {
            ("", _) => row.number(field),
            ("max", [.., max]) => Some(*max),
            ("last", [value]) => Some(*value),
            ("last", [.., count, sum, _]) => Some(sum / count),
            (_, [.., count, _, _]) => Some(*count),
            _ => None,
        }
    });
    match part {
        "max" => values.fold(0.0, f64::max),
        "last" => values.next_back().unwrap_or(0.0),
        _ => values.sum(),
    }
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

/// Lets cases run, and holds the rows of their processes against what they say, also a period later. Once more where the
/// probe says that the kernel did not run its programs meanwhile: then something is missing, and is told to be.
fn all_agree(net: &Net, names: &[&str]) {
    loop {
        let lost = net.lost();
        let running: Vec<_> = thread::scope(|scope| {
            let starting: Vec<_> = names.iter().map(|name| scope.spawn(|| Case::start(name))).collect();
            starting.into_iter().map(|case| case.join().unwrap()).collect()
        });
        let all = || -> Vec<_> {
            let rows = net.rows();
            let of = |(name, case): (&&str, _)| (name.to_string(), differences(&rows, case));
            names.iter().zip(&running).map(of).filter(|(_, found)| !found.is_empty()).collect()
        };
        let begun = Instant::now();
        while !all().is_empty() && begun.elapsed() < DEADLINE {
            thread::sleep(Duration::from_millis(100));
        }
        net.ticks(1);
        let differences = all();
        if differences.is_empty() {
            return;
        }
        assert_ne!(net.lost(), lost, "{differences:#?}");
    }
}

/// The same for one case.
fn agrees(net: &Net, name: &str) {
    all_agree(net, &[name]);
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
    agrees_when_adopted("a_connection_from_before");
}

#[test]
fn a_handshake_that_was_under_way_before_has_no_latency() {
    agrees_when_adopted("a_handshake_from_before");
}

/// Lets a case go on only when a probe that was started after it has adopted its sockets.
fn agrees_when_adopted(name: &str) {
    let case = Case::start(name);
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
    let net = Net::observing(&[inside.child.id()], &[]);
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
