//! The graph of what a probe of somebody else's tells.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::http;
use gopher_tests::page::Browser;
use gopher_tests::tree::binary;
use serde_json::Value;

/// As many fields as a graph is made of, in an order of the author's own.
const MANIFEST: &str = r#"protocol = 1
name = "flows"
exec = ["run.sh"]
[[probe]]
name = "flows"
summary = "Tells of flows that are in its file."
autostart = true
  [probe.params.report_period]
  default = 60
  range = [5, 600]
  unit = "s"
  summary = "Time between two rows."
[[table]]
name = "tcp_metric"
entity = "tcp_link"
fields = [
  { name = "server_port", type = "key", help = "Port." },
  { name = "role", type = "key", help = "client or server." },
  { name = "tgid", type = "key", help = "Process." },
  { name = "comm", type = "label", help = "Its name." },
  { name = "client_ip", type = "key", help = "Client." },
  { name = "server_ip", type = "key", help = "Server." },
  { name = "rx_bytes", type = "delta", help = "Bytes." },
  { name = "tx_bytes", type = "delta", help = "Bytes." },
  { name = "segs_out", type = "delta", help = "Segments." },
  { name = "retran_packets", type = "delta", help = "Segments." },
  { name = "srtt", type = "histogram", unit = "us", help = "Time." },
]
"#;

/// What a shop might look like: a proxy, two backends, their stores, and a name that is hostile.
const FLOWS: &str = r#"|tcp_metric|443|server|900001|nginx|198.51.100.7|203.0.113.1|2400000|96000000|80000|40|2 1000 10 +Inf 40 900000 60000|
|tcp_metric|443|server|900001|nginx|198.51.100.23|203.0.113.1|120000|9600000|8000|400|2 1000 0 +Inf 40 5200000 260000|
|tcp_metric|8081|client|900001|nginx|127.0.0.1|127.0.0.1|48000000|1200000|9000|0|2 1000 40 +Inf 40 4000 300|
|tcp_metric|8081|server|900002|shop-api|127.0.0.1|127.0.0.1|1200000|48000000|30000|0|2 1000 40 +Inf 40 4000 300|
|tcp_metric|8082|client|900001|nginx|127.0.0.1|127.0.0.1|38000000|1100000|9000|0|2 1000 40 +Inf 40 4400 300|
|tcp_metric|8082|server|900003|shop-api|127.0.0.1|127.0.0.1|1100000|38000000|30000|0|2 1000 40 +Inf 40 4400 300|
|tcp_metric|6379|client|900002|shop-api|127.0.0.1|127.0.0.1|600000|90000|900|0|2 1000 40 +Inf 40 1600 100|
|tcp_metric|6379|client|900003|shop-api|127.0.0.1|127.0.0.1|500000|80000|900|0|2 1000 40 +Inf 40 1700 100|
|tcp_metric|6379|server|900004|redis-server|127.0.0.1|127.0.0.1|170000|1100000|1800|0|2 1000 40 +Inf 40 1650 100|
|tcp_metric|5432|client|900002|shop-api|203.0.113.1|192.0.2.40|9000000|300000|2000|2|2 1000 20 +Inf 40 160000 9000|
|tcp_metric|5432|client|900003|shop-api|203.0.113.1|192.0.2.40|8000000|250000|2000|1|2 1000 20 +Inf 40 150000 9000|
|tcp_metric|9090|client|900005|<img src=x onerror=alert(1)>"]|203.0.113.1|192.0.2.77|600|400|30|9|2 1000 0 +Inf 40 6000000 400000|
"#;

/// An agent whose probe has told of [`FLOWS`].
fn telling() -> Agent {
    let home = Home::new();
    let folder = home.path().join("extend/flows");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("probe.toml"), MANIFEST).unwrap();
    fs::write(folder.join("flows.txt"), FLOWS).unwrap();
    fs::write(folder.join("run.sh"), "#!/bin/sh\ncat flows.txt\nwhile read -r line; do :; done\n").unwrap();
    fs::set_permissions(folder.join("run.sh"), Permissions::from_mode(0o755)).unwrap();
    let agent = Agent::start(home);
    until("all flows", || {
        let (_, graph) = agent.control("GET", "/topology", "");
        (graph["edges"].as_array()?.len() == 9).then_some(())
    });
    agent
}

/// What `gopher-ctl` writes to stdout.
fn told(agent: &Agent, arguments: &[&str]) -> String {
    let socket = agent.home.path().join("run/control.sock");
    let output =
        Command::new(binary("gopher-ctl")).arg("--socket").arg(socket).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn edge<'a>(graph: &'a Value, to: &str, port: u16) -> &'a Value {
    let edges = graph["edges"].as_array().unwrap();
    edges.iter().find(|edge| edge["to"] == to && edge["port"] == port).unwrap_or_else(|| panic!("{graph}"))
}

#[test]
fn what_rows_say_of_both_ends_is_one_graph() {
    let agent = telling();
    let (_, graph) = agent.control("GET", "/topology", "");
    let flow = edge(&graph, "process:900002", 8081);
    assert_eq!((&flow["from"], flow["seen_from"].as_array().unwrap().len()), (&"process:900001".into(), 2));
    // A row tells of one period, that of the manifest.
    assert_eq!(flow["to_client_bytes_per_second"], 48_000_000.0 / 60.0);
    assert_eq!(flow["rtt_seconds"].as_f64().map(|rtt| (rtt * 1e6).round()), Some(100.0));
    assert_eq!(edge(&graph, "address:192.0.2.77", 9090)["loss_ratio"], 0.3);
    assert_eq!(
        edge(&graph, "process:900004", 6379)["from"].as_str().map(|from| &from[..11]),
        Some("process:900")
    );
    let socket: Value = serde_json::from_str(&told(&agent, &["--json", "topology", "--limit", "1"])).unwrap();
    assert_eq!(
        (&socket["edges"][0]["from"], &socket["omitted"]["edges"]),
        (&graph["edges"][0]["from"], &8.into())
    );
}

#[test]
fn the_tree_of_gopher_ctl_goes_from_clients_to_servers() {
    let agent = telling();
    let tree = told(&agent, &["topology"]);
    let at = |text: &str| tree.find(text).unwrap_or_else(|| panic!("{text}: {tree}"));
    assert!(at("198.51.100.7 (address)") < at("└─ :443 nginx (pid 900001)"), "{tree}");
    assert!(at(":8081 shop-api") < at(":6379 redis-server"), "{tree}");
    assert!(tree.contains("40 kB/s → 1.6 MB/s ←"), "{tree}");
}

#[test]
fn graphviz_draws_it() {
    let agent = telling();
    let file = agent.home.path().join("graph.dot");
    told(&agent, &["topology", "--format", "dot", "--output", file.to_str().unwrap()]);
    let mut dot = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dot; build/setup installs graphviz");
    dot.stdin.take().unwrap().write_all(&fs::read(&file).unwrap()).unwrap();
    let output = dot.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("syntax"), "{said}");
    let drawing = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        (drawing.matches("class=\"edge\"").count(), drawing.matches("class=\"node\"").count()),
        (9, 9)
    );
    assert!(drawing.contains("nginx") && !drawing.contains("<img"), "{drawing}");
}

#[test]
fn the_page_shows_it_in_a_browser_and_lets_no_name_in() {
    let agent = telling();
    let url = format!("http://{}/topology?format=html", agent.home.control);
    let browser = Browser::new();
    let (document, complaints) = browser.document(&url);
    assert!(complaints.is_empty(), "{complaints:?}");
    for text in ["nginx", "shop-api", "redis-server", "198.51.100.7", ":6379", "800 kB/s"] {
        assert!(document.contains(text), "{text}: {document}");
    }
    assert_eq!(document.matches("<g class=\"edge ").count(), 9);
    assert!(!document.contains("<img"), "{document}");
    for dark in [false, true] {
        let colours = browser.colours(&url, &agent.home.path().join("page.png"), dark);
        assert!(colours > 100, "{colours} colours");
    }
}

#[test]
fn a_saved_page_needs_no_agent() {
    let agent = telling();
    let file = agent.home.path().join("page.html");
    told(&agent, &["topology", "--format", "html", "--by", "pod", "--output", file.to_str().unwrap()]);
    let (document, complaints) = Browser::new().document(&format!("file://{}", file.display()));
    assert!(complaints.is_empty(), "{complaints:?}");
    assert!(document.contains("redis-server") && !document.contains("id=\"by\""), "{document}");
}

#[test]
fn what_is_missing_is_said_with_the_way_out() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    let (code, graph) = agent.control("GET", "/topology", "");
    assert_eq!((code, graph["edges"].as_array().map(Vec::len)), (200, Some(0)));
    assert!(graph["notes"][0].as_str().unwrap().contains("tcp_metric"), "{graph}");
    let agent = telling();
    let stopped = http::send(agent.home.control, "PUT", "/flows", &[], br#"{"state":"stopped"}"#).unwrap();
    assert_eq!(stopped.status, 200);
    assert!(told(&agent, &["topology"]).contains("gopher-ctl probe start flows"));
    for query in ["format=svg", "by=host", "limit=0", "x"] {
        let (code, reply) = agent.control("GET", &format!("/topology?{query}"), "");
        assert_eq!(code, 400, "{query}: {reply}");
    }
}

#[test]
fn the_tables_of_our_own_probes_have_what_a_graph_is_made_of() {
    let manifest =
        gopher_tests::probe::manifest(&gopher_tests::tree::source_root().join("probes/net")).unwrap();
    for source in gala_gopher::topology::TABLES {
        let table = manifest.tables.iter().find(|table| table.name == source.table).unwrap();
        for field in source.fields.iter().chain(&gala_gopher::topology::NEEDED) {
            assert!(table.field(field).is_some(), "{} of {}", field, source.table);
        }
    }
}
