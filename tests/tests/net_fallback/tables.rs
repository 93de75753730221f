//! The probes `tcp` and `socket` where eBPF is refused: what dumps of sockets tell agrees with who made the traffic.
//!
//! Each test has a user namespace of its own, in which it is root and may not load programs, and network namespaces in it.

use std::collections::BTreeMap;
use std::time::Instant;

use gopher_protocol::PROTOCOL;
use gopher_protocol::control::{ConfigMessage, ProbeConfig, Process, Scope};
use gopher_protocol::manifest::Manifest;
use gopher_tests::probe::{DEADLINE, Output, Probe, Row, manifest_text};
use gopher_tests::tree::{binary, source_root};
use serde_json::Value;

use crate::traffic::{PREPARE, TRANSLATE, Traffic};

/// The probe in the namespaces of the first of whom it observes, and what it has said.
struct Net {
    probe: Probe,
    /// The label of the rows that count.
    source: &'static str,
    applied: bool,
    capabilities: BTreeMap<String, [String; 5]>,
    rows: Vec<Row>,
    lost: BTreeMap<String, u64>,
}

impl Net {
    /// Returns once it has looked for the first time.
    fn observing(all: &[&Traffic]) -> Self {
        let mut net = Self::start(all, &["--user", "--net"], "inet_diag");
        for traffic in all {
            // Its listener.
            net.until(|net| net.rows_of(traffic, "endpoint_tcp", &[("client_ip", "")]).next().is_some());
        }
        net
    }

    fn start(all: &[&Traffic], namespaces: &[&str], source: &'static str) -> Self {
        let text = manifest_text(&source_root().join("probes/net")).unwrap();
        let mut command = all[0].enter(namespaces);
        command.arg(binary("net"));
        let probe = Probe::start_told(command, &text, &message(&text, all)).unwrap();
        let (capabilities, lost) = (BTreeMap::new(), BTreeMap::new());
        Self { probe, source, applied: false, capabilities, rows: Vec::new(), lost }
    }

    /// Reads until it is so.
    fn until(&mut self, so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !so(self) {
            assert!(begun.elapsed() < DEADLINE, "rows {:#?}, lost {:?}", self.rows, self.lost);
            match self.probe.next_output().unwrap() {
                Output::Row(row) => self.rows.push(row),
                Output::Applied(_) => self.applied = true,
                Output::Capability(all) => drop(self.capabilities.insert(all[0].clone(), all)),
                Output::Lost(what, count) => *self.lost.entry(what).or_default() += count,
                _ => {}
            }
        }
    }

    fn rows_of<'a>(
        &'a self,
        traffic: &Traffic,
        table: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a Row> {
        let pid = traffic.pid();
        self.rows.iter().filter(move |row| {
            row.table == table
                && row.text("tgid") == pid
                && row.text("source") == self.source
                && labels.iter().all(|(name, value)| row.text(name) == *value)
        })
    }

    /// A field, added up over all rows.
    fn sum(&self, traffic: &Traffic, table: &str, labels: &[(&str, &str)], field: &str) -> f64 {
        self.rows_of(traffic, table, labels).filter_map(|row| row.number(field)).sum()
    }
}

/// Both probes with all items, these processes in scope.
fn message(text: &str, all: &[&Traffic]) -> ConfigMessage {
    let manifest = Manifest::parse(text).unwrap();
    let process = |traffic: &&Traffic| Process { pid: traffic.child.id(), ..Process::default() };
    let scope = Scope { processes: all.iter().map(process).collect(), ..Scope::default() };
    let mut probes = BTreeMap::new();
    for probe in &manifest.probes {
        let mut params: BTreeMap<String, Value> =
            probe.params.iter().map(|(name, param)| (name.clone(), param.default.clone())).collect();
        for (name, value) in [("report_period", 5), ("sample_period", 200), ("cluster_ip_backend", 1)] {
            if let Some(place) = params.get_mut(name) {
                *place = value.into();
            }
        }
        let items = probe.items.iter().map(|item| item.name.clone()).collect();
        probes.insert(probe.name.clone(), ProbeConfig { items, params, scope: scope.clone() });
    }
    ConfigMessage { version: PROTOCOL, generation: 1, probes }
}

const CLIENT: &[(&str, &str)] = &[("role", "client")];
const SERVER: &[(&str, &str)] = &[("role", "server")];
const TCP: &str = "tcp_metric";

#[test]
fn bytes_and_segments_of_open_connections_are_those_of_who_made_them_and_of_ss() {
    let mut traffic = Traffic::start(PREPARE, "");
    let mut net = Net::observing(&[&traffic]);
    let made = traffic.ask("connections");
    let (there, back) = (made["there"].as_f64().unwrap(), made["back"].as_f64().unwrap());
    net.until(|net| {
        let of = |labels, field| net.sum(&traffic, TCP, labels, field);
        of(CLIENT, "tx_bytes") >= there && of(SERVER, "tx_bytes") >= back && of(CLIENT, "rx_bytes") >= back
    });
    let of = |labels, field| net.sum(&traffic, TCP, labels, field);
    assert_eq!((of(CLIENT, "tx_bytes"), of(CLIENT, "rx_bytes")), (there, back));
    assert_eq!((of(SERVER, "tx_bytes"), of(SERVER, "rx_bytes")), (back, there));
    for (field, name) in [("segs_in", "segs_in"), ("segs_out", "segs_out"), ("tx_bytes", "bytes_sent")] {
        assert_eq!(of(&[], field), traffic.ss(name) as f64, "{field}");
    }
    for empty in ["send_rsts", "receive_rsts", "syn_srtt", "backlog_drops", "tmout_count"] {
        assert!(
            net.rows_of(&traffic, TCP, &[]).all(|row| row.text(empty).is_empty()),
            "{empty} cannot be had"
        );
    }
    let row = net.rows_of(&traffic, TCP, CLIENT).next().unwrap();
    assert_eq!(
        (row.text("comm"), row.text("client_ip"), row.text("protocol")),
        ("python3", "127.0.0.1", "2")
    );
    let rto: f64 = row.text("rto").split(' ').next_back().unwrap().parse().unwrap();
    assert!((200.0..1000.0).contains(&rto), "{rto} ms");
}

#[test]
fn connections_seen_to_begin_are_counted_at_both_ends() {
    let mut traffic = Traffic::start(PREPARE, "");
    let mut net = Net::observing(&[&traffic]);
    traffic.ask("connections");
    let opened = |net: &Net, labels, field| net.sum(&traffic, "endpoint_tcp", labels, field);
    net.until(|net| opened(net, CLIENT, "active_open") >= 2.0 && opened(net, SERVER, "passive_open") >= 2.0);
    let ends = (opened(&net, CLIENT, "active_open"), opened(&net, SERVER, "passive_open"));
    assert_eq!(ends, (2.0, 2.0));
}

#[test]
fn every_capability_says_what_serves_it_and_why_not_ebpf() {
    let traffic = Traffic::start(PREPARE, "");
    let net = Net::observing(&[&traffic]);
    let of = |name: &str| net.capabilities[name].clone();
    let [_, _, hook, fidelity, refused] = of("counters");
    assert_eq!(hook, "inet_diag");
    assert!(fidelity.starts_with("approximate: ") && refused.contains("CAP_BPF"), "{fidelity}; {refused}");
    let [_, items, hook, fidelity, refused] = of("delays");
    let absent = "absent: sys_delay, net_delay";
    assert_eq!((items.as_str(), hook.as_str(), fidelity.as_str()), ("tcp_delay", "", absent));
    assert!(refused.contains("CAP_BPF"), "{refused}");
}

#[test]
fn every_network_namespace_in_scope_is_looked_at_until_it_is_gone() {
    let mut here = Traffic::start(PREPARE, "");
    let mut there = here.beside();
    let mut net = Net::observing(&[&here, &there]);
    there.ask("connections");
    net.until(|net| net.sum(&there, TCP, CLIENT, "tx_bytes") >= 1_234_568.0);
    drop(there);
    here.ask("connections");
    net.until(|net| net.sum(&here, TCP, CLIENT, "tx_bytes") >= 1_234_568.0);
    assert_eq!(net.sum(&here, TCP, CLIENT, "tx_bytes"), 1_234_568.0);
}

#[test]
fn connections_that_nobody_saw_are_counted_as_lost() {
    let mut traffic = Traffic::start(PREPARE, "");
    let mut net = Net::observing(&[&traffic]);
    traffic.ask("short_connections");
    // Each has two ends here.
    let seen = |net: &Net| {
        let opened = |field| net.sum(&traffic, "endpoint_tcp", &[], field);
        opened("active_open") + opened("passive_open")
    };
    let lost = |net: &Net| net.lost.get("short_connections").copied().unwrap_or(0) as f64;
    net.until(|net| seen(net) + lost(net) >= 40.0);
    assert_eq!(seen(&net) + lost(&net), 40.0);
}

#[test]
fn a_translated_address_is_that_of_the_backend_whenever_the_connection_began() {
    let mut traffic = Traffic::start(TRANSLATE, "service");
    traffic.ask("translated");
    let backend = &[("role", "client"), ("server_ip", "10.244.1.7"), ("server_port", "8080")][..];
    let mut net = Net::observing(&[&traffic]);
    net.until(|net| net.rows_of(&traffic, TCP, backend).next().is_some());
    traffic.ask("translated");
    net.until(|net| net.sum(&traffic, TCP, backend, "tx_bytes") >= 100.0);
    assert_eq!(net.sum(&traffic, TCP, backend, "tx_bytes"), 100.0);
    assert_eq!(net.rows_of(&traffic, TCP, &[("role", "client"), ("server_ip", "10.96.0.10")]).count(), 0);
}

#[test]
fn a_translated_address_is_that_of_the_backend_by_ebpf_too() {
    let mut traffic = Traffic::start(TRANSLATE, "service");
    let mut net = Net::start(&[&traffic], &["--net"], "ebpf");
    net.until(|net| net.applied);
    traffic.ask("translated");
    traffic.ask("translated");
    let backend = &[("role", "client"), ("server_ip", "10.244.1.7"), ("client_port", "0")][..];
    net.until(|net| net.sum(&traffic, TCP, backend, "tx_bytes") >= 200.0);
    assert_eq!(net.sum(&traffic, TCP, backend, "tx_bytes"), 200.0);
    net.until(|net| net.sum(&traffic, "endpoint_tcp", &backend[..2], "active_open") >= 2.0);
    assert_eq!(net.rows_of(&traffic, TCP, &[("role", "client"), ("server_ip", "10.96.0.10")]).count(), 0);
}

#[test]
fn what_a_full_queue_refused_is_counted_as_by_the_kernel() {
    let mut traffic = Traffic::start(PREPARE, "");
    let mut net = Net::observing(&[&traffic]);
    let port = traffic.ask("overflow")["port"].to_string();
    let listener = &[("client_ip", ""), ("server_port", port.as_str())][..];
    net.until(|net| net.rows_of(&traffic, "endpoint_tcp", listener).next().is_some());
    traffic.ask("");
    let sum = |net: &Net, field| net.sum(&traffic, "endpoint_tcp", listener, field);
    // Clients repeat what was refused: the kernel's count grows for a while.
    net.until(|net| sum(net, "accept_overflow") >= 4.0);
    assert!(sum(&net, "listendrop") >= sum(&net, "accept_overflow"));
    assert_eq!(sum(&net, "syn_overflow"), 0.0);
    let repeated = |net: &Net| net.sum(&traffic, "endpoint_tcp", CLIENT, "retran_syn");
    net.until(|net| repeated(net) >= 4.0);
}

#[test]
fn datagrams_that_found_no_room_are_counted() {
    let mut traffic = Traffic::start(PREPARE, "");
    let mut net = Net::observing(&[&traffic]);
    let dropped = traffic.ask("datagrams")["dropped"].as_f64().unwrap();
    let port = &[("local_ip", "127.0.0.1"), ("local_port", "5353")][..];
    let sum = |net: &Net| net.sum(&traffic, "endpoint_udp", port, "udp_rcv_drop_datagrams");
    net.until(|net| sum(net) >= dropped);
    assert_eq!(sum(&net), dropped);
}
