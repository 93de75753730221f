//! More connections, addresses and processes than there are places.

use std::collections::BTreeMap;

use gopher_tests::agent::until;
use gopher_tests::net::Net;
use nix::sys::signal::Signal;

use crate::load::{Load, agrees};

const PROCESSES: usize = 3;
/// Connections of each process, both of whose ends it has open.
const EACH: usize = 8400;
/// In bytes: more than it needs, less than grows with every socket.
const MEMORY: u64 = 64 << 20;

/// Processes of one network namespace with 50,400 open sockets.
fn crowd() -> Vec<Load> {
    let first = Load::case("crowd", EACH);
    let mut all: Vec<Load> = (1..PROCESSES).map(|_| first.case_beside("crowd", EACH)).collect();
    all.push(first);
    all
}

/// One byte over each connection.
fn talk(crowd: &mut [Load]) -> u64 {
    crowd.iter_mut().for_each(Load::begin);
    crowd.iter_mut().for_each(Load::done);
    u64::try_from(PROCESSES * EACH).unwrap()
}

#[test]
fn fifty_thousand_sockets_from_before_are_all_adopted() {
    let mut crowd = crowd();
    let net = Net::observing(&crowd.iter().map(Load::pid).collect::<Vec<_>>(), &[]);
    let bytes = talk(&mut crowd);
    agrees(
        &net,
        |_| true,
        &[
            ("tcp_metric", "client", "tx_bytes", bytes),
            ("tcp_metric", "client", "rx_bytes", 0),
            ("tcp_metric", "server", "rx_bytes", bytes),
        ],
    );
    assert_eq!(net.lost(), BTreeMap::new());
    assert!(net.most_memory() < MEMORY, "{}", net.most_memory());
}

#[test]
fn fifty_thousand_sockets_are_told_of_without_ebpf_too() {
    let mut crowd = crowd();
    let pids: Vec<u32> = crowd.iter().map(Load::pid).collect();
    let net = Net::without_ebpf(pids[0], &pids, &[]);
    until("the first look", || net.rows().iter().any(|row| row.table == "endpoint_tcp").then_some(()));
    let bytes = talk(&mut crowd);
    agrees(
        &net,
        |_| true,
        &[("tcp_metric", "client", "tx_bytes", bytes), ("tcp_metric", "server", "rx_bytes", bytes)],
    );
    assert_eq!(net.lost(), BTreeMap::new());
    assert!(net.most_memory() < MEMORY, "{}", net.most_memory());
}

#[test]
fn connections_without_a_place_of_their_own_are_told_together() {
    let mut crowd = crowd();
    let params = [("report_cport", 1.into())];
    let net = Net::observing(&crowd.iter().map(Load::pid).collect::<Vec<_>>(), &params);
    // All of it within one period.
    net.signal(Signal::SIGSTOP);
    let bytes = talk(&mut crowd);
    net.signal(Signal::SIGCONT);
    agrees(&net, |_| true, &[("tcp_metric", "", "tx_bytes", bytes), ("tcp_metric", "", "rx_bytes", bytes)]);
    until("it is told", || net.lost().contains_key("flows").then_some(()));
    assert!(net.most_memory() < MEMORY, "{}", net.most_memory());
}

#[test]
fn clients_of_more_addresses_than_places_are_told_together() {
    const CLIENTS: usize = 9000;
    let mut peers = Load::case("peers", CLIENTS);
    let net = Net::observing(&[peers.pid()], &[]);
    net.signal(Signal::SIGSTOP);
    peers.begin();
    peers.done();
    net.signal(Signal::SIGCONT);
    let clients = u64::try_from(CLIENTS).unwrap();
    let kernel = peers.kernel();
    assert_eq!((kernel["ActiveOpens"], kernel["PassiveOpens"]), (clients, clients));
    agrees(
        &net,
        |_| true,
        &[
            ("endpoint_tcp", "", "syn_sent", clients),
            ("endpoint_tcp", "", "passive_open", clients),
            ("tcp_metric", "", "tx_bytes", clients * 10),
        ],
    );
    for what in ["flows", "endpoints", "delays"] {
        until(what, || net.lost().contains_key(what).then_some(()));
    }
    assert!(net.most_memory() < MEMORY, "{}", net.most_memory());
}

#[test]
fn processes_in_scope_that_find_no_place_are_counted() {
    // So many find one (gopher/scope.h).
    let net = Net::observing(&(1..=65_536 + 100).collect::<Vec<_>>(), &[]);
    let left_out = until("it is told", || net.lost().get("processes_in_scope").copied());
    assert_eq!(left_out, 100);
}
