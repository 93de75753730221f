//! Graphs of rows as probes write them.

use std::fmt::Write as _;

use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::manifest::Manifest;

use super::*;
use crate::clock::mono_ms;
use crate::enrich::Processes;
use crate::ingest::RowSink as _;
use crate::store::{FolderStore, Limits};

const MANIFEST: &str = r#"
protocol = 1
name = "net"
exec = ["x"]
limits = { series = 200000 }
[[probe]]
name = "tcp"
summary = "s"
[[table]]
name = "tcp_metric"
entity = "tcp_link"
probe = "tcp"
fields = [
  { name = "tgid", type = "key", help = "h" },
  { name = "container_id", type = "label", help = "h" },
  { name = "comm", type = "label", help = "h" },
  { name = "role", type = "key", help = "h" },
  { name = "client_ip", type = "key", help = "h" },
  { name = "server_ip", type = "key", help = "h" },
  { name = "client_port", type = "key", help = "h" },
  { name = "server_port", type = "key", help = "h" },
  { name = "rx_bytes", type = "delta", help = "h" },
  { name = "tx_bytes", type = "delta", help = "h" },
  { name = "segs_out", type = "delta", help = "h" },
  { name = "retran_packets", type = "delta", help = "h" },
  { name = "srtt", type = "histogram", unit = "us", help = "h" },
]
[[table]]
name = "endpoint_tcp"
entity = "endpoint_tcp"
probe = "tcp"
fields = [
  { name = "tgid", type = "key", help = "h" },
  { name = "comm", type = "label", help = "h" },
  { name = "role", type = "key", help = "h" },
  { name = "client_ip", type = "key", help = "h" },
  { name = "server_ip", type = "key", help = "h" },
  { name = "server_port", type = "key", help = "h" },
  { name = "active_open", type = "delta", help = "h" },
  { name = "active_open_failed", type = "delta", help = "h" },
]
"#;

/// So long that no test sees two of them.
const PERIOD: u64 = 1_000_000;
const SECONDS: f64 = 1000.0;

struct World {
    folder: Arc<FolderStore>,
    manifest: Manifest,
    topology: Topology,
}

impl World {
    fn new() -> Self {
        let most = 200_000;
        let limits =
            Limits { record_timeout: 60_000, series_per_table: most, series_total: most, event_window: 0 };
        let globals = vec![("hostname".to_owned(), "h1".to_owned())].into();
        let processes = Arc::new(Processes::new(std::path::Path::new("/nonexistent")));
        let store = Arc::new(Store::new(limits, globals, processes, false));
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let folder = store.folder(&manifest);
        folder.set_period("tcp", PERIOD);
        Self { folder, manifest, topology: Topology::new(store, mono_ms()) }
    }

    fn line(&self, line: &str) -> &Self {
        let mut decoder = Decoder::new();
        let Ok(Line::Row(row)) = decoder.decode(&self.manifest.tables(), line.as_bytes()) else {
            panic!("no row: {line}")
        };
        self.folder.batch().row(&row).unwrap();
        self
    }

    /// `who` is pid and name, `flow` client, server and port, `bytes` received and sent.
    fn row(&self, role: &str, who: (u32, &str), flow: (&str, &str, u16), bytes: (u32, u32)) -> &Self {
        let ((pid, comm), (client, server, port), (rx, tx)) = (who, flow, bytes);
        self.line(&format!("|tcp_metric|{pid}||{comm}|{role}|{client}|{server}|0|{port}|{rx}|{tx}||||"))
    }

    /// Waits until rows that come are later than those that have.
    fn next_moment() {
        let now = mono_ms();
        while mono_ms() <= now + 1 {
            std::thread::yield_now();
        }
    }

    fn graph(&self, by: By) -> Graph {
        self.topology.graph(by, mono_ms())
    }

    /// The edges as `from to port: bytes to the server, to the client`, sorted.
    fn edges(&self, by: By) -> Vec<String> {
        let sum =
            |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), |rate| format!("{:.0}", rate * SECONDS));
        let line = |edge: &Edge| {
            let (up, down) = (edge.to_server_bytes_per_second, edge.to_client_bytes_per_second);
            format!("{} {} {}: {}, {}", edge.from, edge.to, edge.port, sum(up), sum(down))
        };
        let mut edges: Vec<_> = self.graph(by).edges.iter().map(line).collect();
        edges.sort();
        edges
    }
}

#[test]
fn a_flow_seen_from_both_ends_is_one_edge() {
    let world = World::new();
    world.row("client", (1, "curl"), ("127.0.0.1", "127.0.0.1", 80), (50, 7));
    world.row("server", (2, "nginx"), ("127.0.0.1", "127.0.0.1", 80), (7, 50));
    assert_eq!(world.edges(By::Process), ["process:1 process:2 80: 7, 50"]);
    let graph = world.graph(By::Process);
    assert_eq!(graph.edges[0].seen_from.iter().copied().collect::<Vec<_>>(), ["client", "server"]);
    let nginx = graph.nodes.iter().find(|node| node.name == "nginx").unwrap();
    assert_eq!((nginx.kind, nginx.ports.iter().copied().collect::<Vec<_>>()), (Kind::Process, vec![80]));
    assert_eq!(graph.host.as_deref(), Some("h1"));
}

#[test]
fn an_end_that_no_process_tells_of_is_an_address() {
    let world = World::new();
    world.row("client", (1, "curl"), ("10.0.0.1", "10.0.0.9", 443), (5, 6));
    world.row("server", (2, "sshd"), ("192.0.2.1", "10.0.0.1", 22), (7, 8));
    let expected = ["address:192.0.2.1 process:2 22: 7, 8", "process:1 address:10.0.0.9 443: 6, 5"];
    assert_eq!(world.edges(By::Process), expected);
}

#[test]
fn an_address_that_an_ipv6_socket_sees_is_the_ipv4_one() {
    let world = World::new();
    world.row("client", (1, "a"), ("10.0.0.1", "10.0.0.1", 80), (1, 2));
    world.row("server", (2, "b"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1", 80), (2, 1));
    assert_eq!(world.edges(By::Process), ["process:1 process:2 80: 2, 1"]);
}

#[test]
fn several_clients_of_one_server_have_each_their_own_share() {
    let world = World::new();
    let flow = ("127.0.0.1", "127.0.0.1", 6379);
    world.row("client", (1, "a"), flow, (1, 2)).row("client", (2, "b"), flow, (3, 4));
    world.row("server", (3, "redis"), flow, (6, 4));
    assert_eq!(
        world.edges(By::Process),
        ["process:1 process:3 6379: 2, 1", "process:2 process:3 6379: 4, 3"]
    );
}

#[test]
fn where_nobody_knows_who_serves_whom_the_listener_stands_between() {
    let world = World::new();
    let flow = ("127.0.0.1", "127.0.0.1", 80);
    for pid in [1, 2] {
        world.row("client", (pid, "a"), flow, (1, 2)).row("server", (pid + 2, "b"), flow, (2, 1));
    }
    let between = "listener:127.0.0.1:80";
    let expected = [
        format!("{between} process:3 80: 2, 1"),
        format!("{between} process:4 80: 2, 1"),
        format!("process:1 {between} 80: 2, 1"),
        format!("process:2 {between} 80: 2, 1"),
    ];
    assert_eq!(world.edges(By::Process), expected);
    // Ports of clients tell them apart.
    let world = World::new();
    for pid in [1, 2] {
        world.line(&format!("|tcp_metric|{pid}||a|client|::1|::1|4000{pid}|80|1|2||||"));
        world.line(&format!("|tcp_metric|{}||b|server|::1|::1|4000{pid}|80|2|1||||", pid + 2));
    }
    assert_eq!(world.edges(By::Process), ["process:1 process:3 80: 2, 1", "process:2 process:4 80: 2, 1"]);
}

#[test]
fn processes_of_a_container_are_one_node_and_its_loopback_is_its_own() {
    let world = World::new();
    let (one, two) = ("a".repeat(64), "b".repeat(64));
    let row = |pid: u32, container: &str, role: &str| {
        world.line(&format!("|tcp_metric|{pid}|{container}|x|{role}|127.0.0.1|127.0.0.1|0|80|1|2||||"));
    };
    row(1, &one, "client");
    row(2, &two, "server");
    let network = |id: &str| format!("address:127.0.0.1@{id}");
    let expected = [
        format!("{} container:{two} 80: 1, 2", network(&two)),
        format!("container:{one} {} 80: 2, 1", network(&one)),
    ];
    assert_eq!(world.edges(By::Container), expected);
    row(3, &one, "server");
    assert!(world.edges(By::Container).contains(&format!("container:{one} container:{one} 80: 2, 1")));
    let graph = world.graph(By::Container);
    let node = graph.nodes.iter().find(|node| node.id.ends_with(&one)).unwrap();
    assert_eq!((node.kind, node.processes.len(), node.name.as_str()), (Kind::Container, 2, &one[..12]));
}

#[test]
fn delay_loss_and_connections_are_those_of_the_last_rows() {
    let world = World::new();
    let tcp = "|tcp_metric|1||a|client|10.0.0.1|10.0.0.9|0|80|";
    world.line(&format!("{tcp}1|1|100|0|2 100 4 +Inf 4 200 50|"));
    let rtt = |graph: Graph| graph.edges[0].rtt_seconds.map(|rtt| (rtt * 1e6).round());
    assert_eq!(rtt(world.graph(By::Process)), Some(50.0));
    World::next_moment();
    world.line(&format!("{tcp}1|1|200|3|2 100 0 +Inf 2 4000 3000|"));
    world.line("|endpoint_tcp|1|a|client|10.0.0.1|10.0.0.9|80|500|2|");
    let edge = &world.graph(By::Process).edges[0];
    assert_eq!((edge.rtt_seconds, edge.loss_ratio), (Some(0.002), Some(0.015)), "{edge:?}");
    assert_eq!((edge.opened_per_second, edge.failed), (Some(0.5), Some(2.0)));
    assert_eq!(edge.seen_from.iter().copied().collect::<Vec<_>>(), ["client"]);
}

#[test]
fn rows_that_other_rows_took_the_place_of_keep_their_sums() {
    let world = World::new();
    let flow = |client: u32| (format!("10.0.0.{client}"), "10.0.0.9", 80);
    for client in 1..=3 {
        let (client_ip, server, port) = flow(client);
        world.row("server", (client, "a"), (&client_ip, server, port), (1000, 1000));
    }
    world.edges(By::Process);
    World::next_moment();
    for client in [3, 1] {
        let (client_ip, server, port) = flow(client);
        world.row("server", (client, "a"), (&client_ip, server, port), (10 + client, 0));
    }
    // The first look saw 1,000 bytes of each; the second what came since, in less than a period.
    let edges = world.graph(By::Process).edges;
    let bytes = |pid: u32| {
        let edge = edges.iter().find(|edge| edge.to == format!("process:{pid}")).unwrap();
        edge.to_server_bytes_per_second.zip(edge.period_seconds).map(|(rate, period)| (rate * period).round())
    };
    assert_eq!([bytes(1), bytes(2), bytes(3)], [Some(11.0), Some(1000.0), Some(13.0)]);
}

#[test]
fn rows_without_a_flow_are_told_of() {
    let world = World::new();
    world.row("server", (1, "a"), ("10.0.0.1", "10.0.0.2", 80), (1, 2)).row("", (0, ""), ("", "", 0), (9, 9));
    let graph = world.graph(By::Process);
    assert_eq!(graph.edges.len(), 1);
    assert!(graph.notes[0].starts_with("Rows of tcp_metric that tell of no flow: 1."), "{:?}", graph.notes);
}

#[test]
fn a_limit_keeps_the_fastest_and_says_what_went() {
    let world = World::new();
    for client in 1..=9 {
        world.row("server", (1, "a"), (&format!("10.0.0.{client}"), "10.0.0.99", 80), (client, 0));
    }
    let mut graph = world.graph(By::Process);
    cut(&mut graph, 2);
    let kept: Vec<_> = graph.edges.iter().map(|edge| edge.from.as_str()).collect();
    assert_eq!(kept, ["address:10.0.0.9", "address:10.0.0.8"]);
    assert_eq!((graph.nodes.len(), graph.omitted), (3, Omitted { nodes: 7, edges: 7 }));
    assert!(text(&graph).contains("limit=9 shows all"), "{}", text(&graph));
}

#[test]
fn a_hundred_thousand_rows_are_a_graph_and_a_page_with_what_is_largest() {
    let world = World::new();
    for number in 0..100_000_u32 {
        let client = format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
        world.row("server", (number % 500, "a"), (&client, "10.99.0.1", 80), (number, 0));
    }
    let mut graph = world.graph(By::Process);
    assert_eq!(graph.edges.len(), 100_000);
    cut(&mut graph, 1000);
    let page = html(&graph);
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert_eq!(page.matches("<g class=\"edge ").count(), 1000);
    // What is gone is forgotten.
    world.topology.store.remove("net");
    assert!(world.graph(By::Process).edges.is_empty());
}

#[test]
fn the_tree_leads_from_clients_to_servers_and_ends_where_it_closes() {
    let world = World::new();
    let local = |port: u16| ("127.0.0.1", "127.0.0.1", port);
    world.row("server", (1, "web"), ("192.0.2.1", "10.0.0.1", 443), (9000, 100_000));
    world.row("client", (1, "web"), local(8080), (2, 1)).row("server", (2, "app"), local(8080), (1, 2));
    world.row("client", (2, "app"), local(443), (2, 1)).row("server", (1, "web"), local(443), (1, 2));
    let tree = text(&world.graph(By::Process));
    let lines: Vec<_> = tree.lines().map(|line| line.split("  ").next().unwrap().trim_end()).collect();
    assert_eq!(lines[0], "192.0.2.1 (address)", "{tree}");
    assert!(tree.contains("└─ :443 web (pid 1)"), "{tree}");
    assert!(tree.contains("   └─ :8080 app (pid 2)"), "{tree}");
    assert!(tree.contains("      └─ :443 web (pid 1) …"), "{tree}");
    assert!(tree.contains("9 B/s →  100 B/s ←"), "{tree}");
}

#[test]
fn no_name_gets_out_of_page_or_drawing() {
    let world = World::new();
    let evil = r#"</title><script>alert(1)</script>"]; x -> y ['&<b"#;
    world.row("server", (1, evil), ("x\"><img src=x>", "10.0.0.1", 80), (1, 2));
    let graph = world.graph(By::Process);
    let page = html(&graph);
    for markup in ["<script>alert", "<img", "</title><script", "<b"] {
        let count = page.matches(markup).count();
        let own = if markup == "<b" { page.matches("<body").count() } else { 0 };
        assert_eq!(count, own, "{markup}");
    }
    assert!(page.contains("script-src 'sha256-") && !page.contains("unsafe-inline"));
    let mut balance = String::new();
    for line in dot(&graph).lines() {
        let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        write!(balance, "{}", quotes % 2).unwrap();
    }
    assert!(!balance.contains('1'), "{}", dot(&graph));
}

#[test]
fn a_table_without_a_label_that_is_needed_says_so() {
    let world = World::new();
    let mut manifest = world.manifest.clone();
    manifest.name = "other".to_owned();
    let text = MANIFEST.replace("{ name = \"role\", type = \"key\", help = \"h\" },\n", "");
    let manifest = Manifest { tables: Manifest::parse(&text).unwrap().tables, ..manifest };
    let store = Arc::clone(&world.topology.store);
    let _folder = store.folder(&manifest);
    let notes = world.graph(By::Process).notes;
    assert!(notes.iter().any(|note| note.contains("tcp_metric has no label role")), "{notes:?}");
}
