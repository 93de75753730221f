//! Network files of several kernels.

use std::hint::black_box;

use proptest::prelude::*;

use super::*;

const DEV: &[u8] = include_bytes!("../../testdata/6.18-x86/net_dev");
const SNMP: &[u8] = include_bytes!("../../testdata/6.18-x86/snmp");

fn all(bytes: &[u8]) -> Vec<(&[u8], Device)> {
    let mut all = Vec::new();
    devices(bytes, |name, device| all.push((name, device)));
    all
}

#[test]
fn devices_have_their_columns() {
    let all = all(DEV);
    assert_eq!(all.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [&b"lo"[..], b"eth0", b"veth0a1b2c3"]);
    let eth0 = all[1].1;
    assert_eq!(
        (eth0.rx_bytes, eth0.rx_packets, eth0.rx_errs, eth0.rx_dropped),
        (6_718_082_101, 41_744, 1, 2)
    );
    assert_eq!((eth0.tx_bytes, eth0.tx_packets, eth0.tx_errs, eth0.tx_dropped), (580_767, 5314, 3, 4));
}

#[test]
fn a_name_may_touch_its_first_number() {
    let line = b"eth0:1296 7 0 0 0 0 0 0 99 3 0 0 0 0 0 0\n";
    assert_eq!((all(line)[0].0, all(line)[0].1.rx_bytes), (&b"eth0"[..], 1296));
}

#[test]
fn a_line_that_is_cut_is_left_out() {
    assert!(all(b"eth0: 1 2 3\n").is_empty());
}

#[test]
fn snmp_goes_by_names() {
    let expected = Snmp {
        tcp_curr_estab: Some(7),
        tcp_active_opens: Some(103),
        tcp_passive_opens: Some(12),
        tcp_in_segs: Some(8401),
        tcp_out_segs: Some(7302),
        tcp_retrans_segs: Some(11),
        tcp_in_errs: Some(1),
        udp_in_datagrams: Some(120),
        udp_out_datagrams: Some(121),
    };
    assert_eq!(snmp(SNMP), expected);
}

#[test]
fn snmp_without_a_protocol_leaves_its_values_out() {
    assert_eq!(snmp(b"Udp: InDatagrams\nUdp: 5\n").udp_in_datagrams, Some(5));
    assert_eq!(snmp(b"Udp: InDatagrams\nTcp: 5\n"), Snmp::default());
}

#[test]
fn netstat_tells_the_queues_of_listeners() {
    let text = b"TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPReqQFullDrop\nTcpExt: 1 2 3 4\nIpExt: X\nIpExt: 9\n";
    let expected =
        Netstat { listen_overflows: Some(2), request_queue_drops: Some(4), request_queue_cookies: None };
    assert_eq!(netstat(text), expected);
}

proptest! {
    #[test]
    fn nothing_panics(text in "(Tcp:|Udp:|InSegs|eth0|[ :\t\n]|-?[0-9]{1,22}|\\PC){0,60}") {
        black_box(all(text.as_bytes()));
        black_box(snmp(text.as_bytes()));
        black_box(netstat(text.as_bytes()));
    }
}
