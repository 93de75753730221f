//! Short connections of several processes, as fast as the machine makes them.

use gopher_tests::net::Net;
use nix::sys::signal::Signal;

use crate::load::{Load, agrees};

const PROCESSES: usize = 4;
const EACH: usize = 10_000;

/// In one network namespace.
fn processes() -> Vec<Load> {
    let first = Load::connections(EACH);
    let mut all: Vec<Load> = (1..PROCESSES).map(|_| first.connections_beside(EACH)).collect();
    all.push(first);
    all
}

/// Lets them run, and holds what is told against the kernel's counters of the namespace.
fn blow(net: &Net, processes: &mut [Load], resume: impl FnOnce()) {
    processes.iter_mut().for_each(Load::begin);
    processes.iter_mut().for_each(Load::done);
    resume();
    let kernel = processes[0].kernel();
    let many = u64::try_from(PROCESSES * EACH).unwrap();
    let all = many + u64::try_from(PROCESSES).unwrap();
    assert_eq!((kernel["ActiveOpens"], kernel["PassiveOpens"], kernel["AttemptFails"]), (all, all, 0));
    agrees(
        net,
        |_| true,
        &[
            ("endpoint_tcp", "client", "syn_sent", all),
            ("endpoint_tcp", "client", "active_open", all),
            ("endpoint_tcp", "server", "passive_open", all),
            ("tcp_metric", "client", "tx_bytes", many * 64),
            ("tcp_metric", "client", "rx_bytes", many * 8),
            ("tcp_metric", "server", "rx_bytes", many * 64),
            ("tcp_metric", "server", "tx_bytes", many * 8),
            ("tcp_metric", "", "retran_packets", kernel["RetransSegs"]),
        ],
    );
}

#[test]
fn every_connection_of_a_storm_is_told_or_counted_as_lost() {
    let mut processes = processes();
    let net = Net::observing(&processes.iter().map(Load::pid).collect::<Vec<_>>(), &[]);
    blow(&net, &mut processes, || ());
}

#[test]
fn a_storm_while_the_probe_does_not_run_is_told_when_it_does() {
    let mut processes = processes();
    let net = Net::observing(&processes.iter().map(Load::pid).collect::<Vec<_>>(), &[]);
    net.signal(Signal::SIGSTOP);
    blow(&net, &mut processes, || net.signal(Signal::SIGCONT));
}
