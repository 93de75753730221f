//! An OpenTelemetry Collector that writes down what it gets.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use gopher_tests::authority::Authority;
use gopher_tests::peer::{Peer, free_port, until_listening};
use gopher_tests::tree::source_root;
use serde_json::Value;
use tempfile::TempDir;

/// How the agent speaks to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Grpc,
    Http,
}

/// An authority with the certificates of a server and a client.
pub(crate) struct Certificates(TempDir);

impl Certificates {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        ["server", "client"].into_iter().for_each(|name| authority.sign(name));
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The key of an exporter that trusts this authority.
    pub(crate) fn trust(&self) -> String {
        format!("ca_file = {:?}\n", self.path("ca.pem"))
    }

    /// The same, and the keys that show the client's certificate.
    pub(crate) fn keys(&self) -> String {
        let (cert, key) = (self.path("client.pem"), self.path("client.key"));
        format!("{}cert_file = {cert:?}\nkey_file = {key:?}\n", self.trust())
    }
}

/// The collector, which may be down; what it has written stays.
pub(crate) struct Collector {
    peer: Option<Peer>,
    grpc: u16,
    http: u16,
    folder: TempDir,
    secure: bool,
}

/// One data point with what it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) metric: String,
    /// `gauge`, `sum` or `histogram`.
    pub(crate) kind: String,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// As the protocol's JSON has it.
    pub(crate) point: Value,
}

/// One log record with whom it is from.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// As the protocol's JSON has it.
    pub(crate) record: Value,
}

impl Collector {
    /// Not started yet; over TLS, with certificates on both sides, where there are some.
    pub(crate) fn down(tls: Option<&Certificates>) -> Self {
        let (grpc, http) = (free_port().unwrap(), free_port().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let files = tls.map_or(String::new(), |tls| {
            let file = |name: &str| tls.path(name).display().to_string();
            let (cert, key, ca) = (file("server.pem"), file("server.key"), file("ca.pem"));
            format!(", tls: {{ cert_file: {cert}, key_file: {key}, client_ca_file: {ca} }}")
        });
        let out = folder.path().join("out.jsonl");
        let text = format!(
            "receivers:\n  otlp:\n    protocols:\n      grpc: {{ endpoint: \"127.0.0.1:{grpc}\"{files} }}\n      \
             http: {{ endpoint: \"127.0.0.1:{http}\"{files} }}\n\
             exporters: {{ file: {{ path: \"{}\", append: true, flush_interval: 100ms }} }}\n\
             service:\n  telemetry: {{ metrics: {{ level: none }} }}\n  pipelines:\n    \
             metrics: {{ receivers: [otlp], exporters: [file] }}\n    \
             logs: {{ receivers: [otlp], exporters: [file] }}\n",
            out.display()
        );
        fs::write(folder.path().join("config.yaml"), text).unwrap();
        Self { peer: None, grpc, http, folder, secure: tls.is_some() }
    }

    pub(crate) fn up(tls: Option<&Certificates>) -> Self {
        let mut collector = Self::down(tls);
        collector.start();
        collector
    }

    pub(crate) fn start(&mut self) {
        let script = source_root().join("build/otelcol");
        let found = Command::new(script).arg("--path").output().unwrap();
        assert!(found.status.success(), "there is no collector; build/setup builds it");
        let program = String::from_utf8(found.stdout).unwrap();
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(program.trim());
        command.arg("--config").arg(self.folder.path().join("config.yaml"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.peer = Some(Peer::start(&mut command).unwrap());
        for port in [self.grpc, self.http] {
            until_listening(port).unwrap();
        }
    }

    /// Ends it once it has written all that it has.
    pub(crate) fn stop(&mut self) {
        self.peer.take().unwrap().stop().unwrap();
    }

    /// The section of an agent that pushes there every second.
    pub(crate) fn configuration(&self, way: Way, lines: &str) -> String {
        let (protocol, port) = match way {
            Way::Grpc => ("grpc", self.grpc),
            Way::Http => ("http", self.http),
        };
        let scheme = if self.secure { "https" } else { "http" };
        format!(
            "[export.otlp]\nenabled = true\nprotocol = \"{protocol}\"\n\
             endpoint = \"{scheme}://localhost:{port}\"\ninterval = \"1s\"\n{lines}\n"
        )
    }

    /// All points that it has been sent so far.
    pub(crate) fn points(&self) -> Vec<Point> {
        self.requests().iter().flat_map(points).collect()
    }

    /// All log records that it has been sent so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.requests().iter().flat_map(records).collect()
    }

    fn requests(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("out.jsonl")).unwrap_or_default();
        // The last line may not be whole yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn points(request: &Value) -> Vec<Point> {
    let mut points = Vec::new();
    for all in list(request, "resourceMetrics") {
        let resource = attributes(&all["resource"]);
        for metric in list(all, "scopeMetrics").iter().flat_map(|scope| list(scope, "metrics")) {
            let kind =
                ["gauge", "sum", "histogram"].into_iter().find(|kind| metric.get(kind).is_some()).unwrap();
            points.extend(list(&metric[kind], "dataPoints").iter().map(|point| Point {
                metric: metric["name"].as_str().unwrap().to_owned(),
                kind: kind.to_owned(),
                resource: resource.clone(),
                attributes: attributes(point),
                point: point.clone(),
            }));
        }
    }
    points
}

fn records(request: &Value) -> Vec<Record> {
    let mut records = Vec::new();
    for all in list(request, "resourceLogs") {
        let resource = attributes(&all["resource"]);
        let logs = list(all, "scopeLogs").iter().flat_map(|scope| list(scope, "logRecords"));
        records.extend(logs.map(|record| Record {
            resource: resource.clone(),
            attributes: attributes(record),
            record: record.clone(),
        }));
    }
    records
}

/// Texts and whole numbers, which are texts in the protocol's JSON.
fn attributes(of: &Value) -> BTreeMap<String, String> {
    let pair = |pair: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let value = &pair["value"];
        (text(&pair["key"]), text(value.get("stringValue").unwrap_or(&value["intValue"])))
    };
    list(of, "attributes").iter().map(pair).collect()
}
