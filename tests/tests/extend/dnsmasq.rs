//! The dnsmasq probe against real dnsmasq servers, with queries that the test sends and counts itself.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gopher_tests::peer::{Peer, free_port, until};
use gopher_tests::probe::{Probe, Row, number};
use gopher_tests::tree::source_root;
use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

/// Queries that the probe itself sends in each period, and those of them before it asks for the hits.
const OWN: f64 = 7.0;
const OWN_BEFORE_HITS: f64 = 4.0;
const CACHE: u32 = 20;

/// A caching dnsmasq in front of one that knows names below `up.test`.
struct Servers {
    folder: TempDir,
    upstream_port: u16,
    port: u16,
    _upstream: Peer,
    cache: Option<Peer>,
}

impl Servers {
    fn start() -> Result<Self> {
        let (folder, upstream_port, port) = (tempfile::tempdir()?, free_port()?, free_port()?);
        let upstream = dnsmasq(
            upstream_port,
            &folder.path().join("upstream.log"),
            &["--address=/up.test/192.0.2.7", "--local-ttl=600"],
        )?;
        let mut servers = Self { folder, upstream_port, port, _upstream: upstream, cache: None };
        servers.begin()?;
        Ok(servers)
    }

    fn begin(&mut self) -> Result<()> {
        let server = format!("--server=127.0.0.1#{}", self.upstream_port);
        let cache = format!("--cache-size={CACHE}");
        self.cache = Some(dnsmasq(self.port, &self.log_path(), &[&server, &cache])?);
        Ok(())
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.folder.path().join("cache.log")
    }

    fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What dnsmasq writes about itself on SIGUSR1.
    fn own_statistics(&self) -> Result<String> {
        self.cache.as_ref().context("not running")?.signal(Signal::SIGUSR1)?;
        let mut log = String::new();
        until("dnsmasq writes its statistics", || {
            log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
            log.lines().any(|line| line.contains("queries sent"))
        })?;
        Ok(log)
    }

    fn query(&self, name: &str) -> Result<u8> {
        query(self.port, name)
    }
}

fn dnsmasq(port: u16, log: &Path, more: &[&str]) -> Result<Peer> {
    let mut command = Command::new("dnsmasq");
    command.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file",
        "--no-resolv",
        "--no-hosts",
    ]);
    command.args(["--user=root", "--listen-address=127.0.0.1", "--bind-interfaces"]);
    command.arg(format!("--port={port}")).arg(format!("--log-facility={}", log.display())).args(more);
    let peer = Peer::start(&mut command)?;
    gopher_tests::peer::until_listening(port)?;
    Ok(peer)
}

/// Asks for the address of a name and gives the response code.
fn query(port: u16, name: &str) -> Result<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut message = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len())?);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send(&message)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    ensure!(length > 12 && answer[..2] == message[..2], "no answer to the question");
    Ok(answer[3] & 0x0f)
}

fn start(servers: &str) -> Result<Probe> {
    let params = [("report_period", json!(1)), ("timeout", json!(1)), ("servers", json!(servers))];
    Probe::start(&source_root().join("extend-probes/dnsmasq"), &[], &params)
}

fn of(server: &str, table: &str) -> impl Fn(&Row) -> bool + use<> {
    let (server, table) = (server.to_owned(), table.to_owned());
    move |row| row.table == table && row.text("server") == server
}

#[test]
fn its_counters_are_the_queries_that_were_sent() -> Result<()> {
    let servers = Servers::start()?;
    for name in 0..30 {
        ensure!(servers.query(&format!("n{name}.up.test"))? == 0);
    }
    for _ in 0..12 {
        ensure!(servers.query("n29.up.test")? == 0);
    }
    for name in 0..5 {
        ensure!(
            servers.query(&format!("n{name}.elsewhere.test"))? == 5,
            "the upstream server does not refuse"
        );
    }
    let mut probe = start(&servers.name())?;
    let first = probe.row_where(of(&servers.name(), "dnsmasq"))?;
    for (field, wanted) in [
        ("up", 1.0),
        ("cache_size", f64::from(CACHE)),
        ("cache_insertions", 30.0),
        ("cache_evictions", 10.0),
        ("cache_misses", 35.0),
        ("cache_hits", 12.0 + OWN_BEFORE_HITS),
        ("auth_queries", 0.0),
    ] {
        ensure!(number(&first, field)? == wanted, "{field}: {first:?}");
    }
    let upstream = probe.row_where(of(&servers.name(), "dnsmasq_upstream"))?;
    ensure!(upstream.text("upstream") == format!("127.0.0.1#{}", servers.upstream_port));
    // A refused query is sent again now and then, so what was sent is more than what was forwarded.
    ensure!(number(&upstream, "queries")? >= 35.0, "{upstream:?}");
    ensure!(number(&upstream, "failed_queries")? >= 1.0, "{upstream:?}");

    let second = probe.row_where(of(&servers.name(), "dnsmasq"))?;
    ensure!(number(&second, "cache_hits")? == number(&first, "cache_hits")? + OWN, "{second:?}");

    let log = servers.own_statistics()?;
    ensure!(log.contains("cache size 20, 10/30 cache insertions"), "{log}");
    ensure!(log.contains("queries forwarded 35,"), "{log}");
    for (field, word) in [("queries", "queries sent"), ("failed_queries", "failed")] {
        ensure!(log.contains(&format!(" {word} {},", upstream.text(field))), "{field}: {upstream:?}: {log}");
    }
    Ok(())
}

#[test]
fn a_server_that_goes_is_down_and_comes_back_with_new_counters() -> Result<()> {
    let mut servers = Servers::start()?;
    for name in 0..8 {
        servers.query(&format!("n{name}.up.test"))?;
    }
    let mut probe = start(&servers.name())?;
    let is_row = of(&servers.name(), "dnsmasq");
    ensure!(number(&probe.row_where(&is_row)?, "cache_misses")? == 8.0);

    servers.cache.take().context("not running")?.stop()?;
    let down = probe.row_where(|row| is_row(row) && row.text("up") == "0")?;
    ensure!(down.text("cache_misses").is_empty(), "{down:?}");
    probe.row_where(&is_row)?;

    servers.begin()?;
    servers.query("n1.up.test")?;
    let back =
        probe.row_where(|row| is_row(row) && row.text("up") == "1" && row.text("cache_misses") != "0")?;
    ensure!(number(&back, "cache_misses")? == 1.0, "{back:?}");
    gopher_tests::peer::until("it says that the server is back", || {
        probe.stderr().contains("answers again")
    })?;
    let said = probe.stderr();
    ensure!(said.matches("gives no statistics").count() == 1, "{said}");
    ensure!(said.matches("answers again").count() == 1, "{said}");
    Ok(())
}

#[test]
fn a_server_that_hangs_does_not_hide_the_next_one() -> Result<()> {
    let servers = Servers::start()?;
    let silent = UdpSocket::bind("127.0.0.1:0")?;
    let hung = silent.local_addr()?.to_string();
    let mut probe = start(&format!("{hung} {}", servers.name()))?;
    for _ in 0..2 {
        ensure!(probe.row_where(of(&hung, "dnsmasq"))?.text("up") == "0");
        ensure!(probe.row_where(of(&servers.name(), "dnsmasq"))?.text("up") == "1");
    }
    Ok(())
}
