//! Requests for connections from false addresses.

use gopher_tests::agent::until;
use gopher_tests::net::Net;
use gopher_tests::probe::Row;

use crate::load::{Load, agrees};

const REQUESTS: usize = 100_000;

/// Rows that are not the listener's own.
fn from_others(net: &Net) -> Vec<Row> {
    net.rows().into_iter().filter(|row| !row.text("client_ip").is_empty()).collect()
}

#[test]
fn a_flood_of_requests_from_false_addresses_makes_no_rows() {
    let mut flood = Load::case("flood", REQUESTS);
    let net = Net::observing(&[flood.pid()], &[]);
    flood.begin();
    flood.done();
    let before = net.most_memory();
    let kernel = flood.kernel();
    let refused = kernel["TCPReqQFullDrop"];
    let requests = u64::try_from(REQUESTS).unwrap();
    assert!(refused > requests / 2 && kernel["ListenDrops"] >= refused, "{kernel:?}");
    agrees(
        &net,
        |_| true,
        &[
            ("endpoint_tcp", "server", "listendrop", kernel["ListenDrops"]),
            ("endpoint_tcp", "server", "syn_overflow", refused),
            ("endpoint_tcp", "server", "accept_overflow", kernel["ListenOverflows"]),
            ("endpoint_tcp", "server", "passive_open", 0),
        ],
    );
    assert_eq!(from_others(&net), []);
    assert!(net.most_memory() - before < 1 << 20, "{} after {before}", net.most_memory());
}

#[test]
fn without_ebpf_it_makes_none_either() {
    let mut flood = Load::case("flood", REQUESTS);
    let net = Net::without_ebpf(flood.pid(), &[flood.pid()], &[]);
    until("the first look", || (!net.rows().is_empty()).then_some(()));
    flood.begin();
    flood.done();
    let kernel = flood.kernel();
    agrees(
        &net,
        |_| true,
        &[
            ("endpoint_tcp", "server", "listendrop", kernel["ListenDrops"]),
            ("endpoint_tcp", "server", "syn_overflow", kernel["TCPReqQFullDrop"]),
            ("endpoint_tcp", "server", "passive_open", 0),
        ],
    );
    assert_eq!(from_others(&net), []);
}
