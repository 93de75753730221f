//! A proxy, two backends and a store on this host, told of by the agent's own probe.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::page::Browser;
use gopher_tests::peer::{Peer, free_port, until_listening};
use serde_json::Value;
use tempfile::TempDir;

/// Answers each request with a page of 4 KiB, after it has counted it in the store.
const BACKEND: &str = r#"#!/usr/bin/env python3
import http.server, socket, sys
STORE = int(sys.argv[2])
with open("/proc/self/comm", "w") as name:
    name.write("backend")
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with socket.create_connection(("127.0.0.1", STORE)) as store:
            store.sendall(b"INCR seen\r\n")
            store.recv(100)
        self.send_response(200)
        self.send_header("Content-Length", "4096")
        self.end_headers()
        self.wfile.write(b"x" * 4096)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"#;

/// What makes a shop, with its ports.
struct Shop {
    proxy: u16,
    backends: [u16; 2],
    store: u16,
    _peers: Vec<Peer>,
    _folder: TempDir,
}

impl Shop {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [proxy, one, two, store] = std::array::from_fn(|_| free_port().unwrap());
        let script = folder.path().join("backend");
        fs::write(&script, BACKEND).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        let mut peers = Vec::new();
        let mut start = |command: &mut Command, port| {
            peers.push(Peer::start(command.stdin(Stdio::null()).stdout(Stdio::null())).unwrap());
            until_listening(port).unwrap();
        };
        let mut redis = Command::new("redis-server");
        redis.args(["--bind", "127.0.0.1", "--save", "", "--port", &store.to_string()]);
        start(redis.current_dir(folder.path()), store);
        for port in [one, two] {
            start(Command::new(&script).args([port, store].map(|port| port.to_string())), port);
        }
        let conf = folder.path().join("nginx.conf");
        fs::write(&conf, nginx(folder.path(), proxy, [one, two])).unwrap();
        start(
            Command::new("nginx").arg("-p").arg(folder.path()).arg("-c").arg(&conf).env("PATH", PATH),
            proxy,
        );
        let mut curl = Command::new("curl");
        curl.args([
            "-s",
            "--rate",
            "50/s",
            "-o",
            "/dev/null",
            &format!("http://127.0.0.1:{proxy}/[1-100000]"),
        ]);
        peers.push(Peer::start(curl.stdout(Stdio::null())).unwrap());
        Self { proxy, backends: [one, two], store, _peers: peers, _folder: folder }
    }
}

/// Where Debian keeps servers too.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn nginx(folder: &Path, port: u16, backends: [u16; 2]) -> String {
    let folder = folder.display();
    let [one, two] = backends;
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr error;\nevents {{}}\n\
         http {{\n{places}access_log off;\n\
         upstream backends {{ server 127.0.0.1:{one}; server 127.0.0.1:{two}; }}\n\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://backends; }} }}\n}}\n"
    )
}

/// The names of both ends of an edge, in a graph in which it has traffic both ways, and a round-trip time.
fn ends(graph: &Value, port: u16) -> Vec<(String, String)> {
    let name = |id: &Value| {
        let nodes = graph["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["id"] == *id).unwrap()["name"].as_str().unwrap().to_owned()
    };
    let edges = graph["edges"].as_array().unwrap().iter().filter(|edge| edge["port"] == port);
    let whole = edges.filter(|edge| {
        edge["to_server_bytes_per_second"].as_f64().is_some_and(|rate| rate > 0.0)
            && edge["to_client_bytes_per_second"].as_f64().is_some_and(|rate| rate > 0.0)
            && edge["rtt_seconds"].as_f64().is_some_and(|rtt| rtt > 0.0)
            && edge["loss_ratio"].as_f64().is_some()
            && edge["seen_from"].as_array().unwrap().len() == 2
    });
    whole.map(|edge| (name(&edge["from"]), name(&edge["to"]))).collect()
}

#[test]
fn a_proxy_two_backends_and_a_store_are_a_page_in_a_browser() {
    let shop = Shop::open();
    let home = Home::new().with_built_in("net");
    let scope = r#"scope = { proc_name = [{ comm = "^(curl|nginx|backend|redis-server)$" }] }"#;
    let probe = format!("state = \"running\"\nparams = {{ report_period = 5 }}\n{scope}\n");
    home.configure(&format!("[probe.tcp]\n{probe}[probe.socket]\n{probe}"));
    let agent = Agent::serve(home);
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    until("all flows with all that is known of them", || {
        let (_, graph) = agent.control("GET", "/topology", "");
        let backends = shop.backends.iter().all(|port| ends(&graph, *port) == [pair("nginx", "backend")]);
        let stores =
            ends(&graph, shop.store) == [pair("backend", "redis-server"), pair("backend", "redis-server")];
        (backends && stores && ends(&graph, shop.proxy) == [pair("curl", "nginx")]).then_some(())
    });
    let url = format!("http://{}/topology?format=html&limit=1000", agent.home.control);
    let browser = Browser::new();
    let (document, complaints) = browser.document(&url);
    assert!(complaints.is_empty(), "{complaints:?}");
    for name in ["curl", "nginx", "backend", "redis-server"] {
        assert!(document.contains(&format!(">{name}</text>")), "{name}: {document}");
    }
    for port in [shop.proxy, shop.backends[0], shop.backends[1], shop.store] {
        assert!(document.contains(&format!(">:{port} ")), "{port}: {document}");
    }
    let colours = browser.colours(&url, &agent.home.path().join("page.png"), false);
    assert!(colours > 100, "{colours} colours");
}
