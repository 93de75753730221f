//! A Prometheus server that takes remote-write and scrapes nothing, and what the agent counts about it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use gopher_tests::agent::{Agent, until};
use gopher_tests::peer::{Peer, free_port, until_listening};
use serde_json::Value;
use tempfile::TempDir;

/// The server; what it has stored outlives its stop.
pub(crate) struct Receiver {
    peer: Option<Peer>,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    /// Arguments of curl that its guard asks for.
    guard: Vec<String>,
    scheme: &'static str,
}

impl Receiver {
    /// One that runs, without a guard.
    pub(crate) fn start() -> Self {
        let mut receiver = Self::stopped();
        receiver.resume();
        receiver
    }

    /// One that does not run yet.
    pub(crate) fn stopped() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("prometheus.yml"), "global: {}\n").unwrap();
        fs::write(folder.path().join("web.yml"), "{}\n").unwrap();
        let address = (Ipv4Addr::LOCALHOST, free_port().unwrap()).into();
        Self { peer: None, address, folder, guard: Vec::new(), scheme: "http" }
    }

    /// Speaks TLS and wants a password from now on; `web` is the server's own file about that.
    pub(crate) fn guard(&mut self, web: &str, arguments: &[&str]) {
        fs::write(self.folder.path().join("web.yml"), web).unwrap();
        self.guard = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.scheme = "https";
    }

    /// Starts the server at its address, with what it has stored.
    pub(crate) fn resume(&mut self) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = fs::OpenOptions::new().create(true).append(true).open(path("log")).unwrap();
        let mut command = Command::new("prometheus");
        command.arg("--web.enable-remote-write-receiver");
        command.arg(format!("--config.file={}", path("prometheus.yml")));
        command.arg(format!("--web.config.file={}", path("web.yml")));
        command.arg(format!("--storage.tsdb.path={}", path("data")));
        command.arg(format!("--web.listen-address={}", self.address));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.peer = Some(Peer::start(&mut command).unwrap());
        until_listening(self.address.port()).unwrap();
    }

    /// Ends the server.
    pub(crate) fn stop(&mut self) {
        self.peer.take().unwrap().stop().unwrap();
    }

    /// Where metrics go.
    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}/api/v1/write", self.scheme, self.address.port())
    }

    /// All series of a query now, labels and value; nothing while the server does not answer.
    pub(crate) fn query(&self, query: &str) -> Option<BTreeMap<Labels, f64>> {
        let url = format!("{}://localhost:{}/api/v1/query", self.scheme, self.address.port());
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "10"]).args(&self.guard);
        curl.args(["--get", "--data-urlencode", &format!("query={query}")]).arg(url);
        let answer: Value = serde_json::from_slice(&curl.output().unwrap().stdout).ok()?;
        let result = answer["data"]["result"].as_array()?.iter().map(|series| {
            let labels = series["metric"].as_object().unwrap().iter();
            let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
            (labels.collect(), series["value"][1].as_str().unwrap().parse().unwrap())
        });
        Some(result.collect())
    }

    /// The one value of a query.
    pub(crate) fn value(&self, query: &str) -> Option<f64> {
        let found = self.query(query)?;
        assert!(found.len() < 2, "{query}: {found:?}");
        found.into_values().next()
    }

    /// Waits for a series.
    pub(crate) fn has(&self, query: &str) {
        until(query, || self.value(query));
    }
}

/// The labels of a series, its name among them.
pub(crate) type Labels = BTreeMap<String, String>;

/// The section that lets the agent push every second, with further lines.
pub(crate) fn section(url: &str, lines: &str) -> String {
    format!("[export.remote_write]\nenabled = true\nurl = {url:?}\ninterval = \"1s\"\n{lines}\n")
}

/// The agent's count of rows with an outcome.
pub(crate) fn rows(agent: &Agent, outcome: &str) -> u64 {
    let name =
        format!("gala_gopher_agent_export_rows_total{{exporter=\"remote_write\",outcome=\"{outcome}\"}}");
    agent.scrape()[&name].parse().unwrap()
}

/// The agent's count of rows that wait.
pub(crate) fn queued(agent: &Agent) -> u64 {
    agent.scrape()["gala_gopher_agent_export_queued{exporter=\"remote_write\"}"].parse().unwrap()
}
