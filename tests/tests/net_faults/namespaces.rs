//! Network namespaces that come and go while there is traffic in them.

use gopher_tests::net::Net;
use gopher_tests::probe::Row;

use crate::load::{Load, agrees};

const NAMESPACES: usize = 64;
/// At a time.
const TOGETHER: usize = 8;
const CONNECTIONS: usize = 20;

#[test]
fn all_that_happened_in_network_namespaces_that_are_gone_is_told() {
    let net = Net::start(&[]);
    let files = net.open_files();
    let mut pids = Vec::new();
    for _ in 0..NAMESPACES / TOGETHER {
        let mut all: Vec<Load> = (0..TOGETHER).map(|_| Load::connections(CONNECTIONS)).collect();
        all.iter_mut().for_each(Load::begin);
        all.iter_mut().for_each(Load::done);
        // They end with connections open.
        pids.extend(all.iter().map(|load| load.pid().to_string()));
    }
    let theirs = |row: &Row| pids.iter().any(|pid| row.text("tgid") == pid);
    let asked = u64::try_from(NAMESPACES * CONNECTIONS * 64).unwrap();
    let opened = u64::try_from(NAMESPACES * (CONNECTIONS + 1)).unwrap();
    agrees(
        &net,
        theirs,
        &[
            ("tcp_metric", "client", "tx_bytes", asked),
            ("tcp_metric", "server", "rx_bytes", asked),
            ("endpoint_tcp", "client", "active_open", opened),
            ("endpoint_tcp", "server", "passive_open", opened),
        ],
    );
    assert_eq!(net.open_files(), files, "it keeps none of them");
}
