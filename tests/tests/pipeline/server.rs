//! Debian's Prometheus server scrapes the agent and is content.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use gopher_tests::agent::{Agent, Home, until};
use gopher_tests::http::{request, samples};
use gopher_tests::peer::{Peer, free_port};
use serde_json::Value;
use tempfile::TempDir;

/// A server with a store of its own that scrapes one address every second.
struct Server {
    _peer: Peer,
    address: SocketAddr,
    folder: TempDir,
}

impl Server {
    fn start(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = (Ipv4Addr::LOCALHOST, free_port().unwrap()).into();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: agent\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&config, text).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let peer = Peer::start(&mut command).unwrap();
        Self { _peer: peer, address, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The value of the one series that a query finds.
    fn query(&self, query: &str) -> Option<String> {
        let answer = request(self.address, "GET", &format!("/api/v1/query?query={query}"), &[]).ok()?;
        let answer: Value = serde_json::from_str(&answer.text).ok()?;
        let result = answer["data"]["result"].as_array()?;
        assert!(result.len() < 2, "{query}: {result:?}");
        Some(result.first()?["value"][1].as_str()?.to_owned())
    }

    /// A counter of the server itself.
    fn own(&self, name: &str) -> f64 {
        let text = request(self.address, "GET", "/metrics", &[]).unwrap().text;
        samples(&text).unwrap()[name].parse().unwrap()
    }
}

fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("MemTotal:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn scraped(home: Home) {
    let agent = Agent::start(home.with_built_in("baseinfo"));
    let server = Server::start(agent.home.address);
    until("a scrape with the memory", || server.query("gala_gopher_mem_total_kB"));
    // Over a tick of the probe, so that values change between scrapes.
    until("ten scrapes", || {
        let count = server.query("count_over_time(up[1m])")?.parse::<u64>().ok()?;
        (count >= 10).then_some(())
    });
    assert_eq!(server.query("min_over_time(up[1m])").as_deref(), Some("1"), "{}", server.log());
    assert_eq!(server.query("gala_gopher_mem_total_kB"), Some(memory().to_string()));
    let count: u64 = server.query("scrape_samples_scraped").unwrap().parse().unwrap();
    assert!(count > 100, "{count} samples");
    for bad in ["duplicate_timestamp", "out_of_order", "out_of_bounds"] {
        let name = format!("prometheus_target_scrapes_sample_{bad}_total");
        assert!(server.own(&name).abs() < 0.5, "{name}: {}", server.log());
    }
    let log = server.log();
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| ["level=warn", "level=error"].iter().any(|level| line.contains(level)))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_server_scrapes_openmetrics_as_it_prefers() {
    scraped(Home::new());
}

#[test]
fn the_server_scrapes_the_originals_text() {
    scraped(Home::new().upstream());
}
