//! `[export.otlp]`: metrics and events pushed by the OpenTelemetry protocol.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::keys::{Key, SECOND, Section, key};
use crate::config::kind::{Field, Kind, Value};
use crate::config::model::{Config, Size};
use crate::config::rules::Rule;
use crate::config::setting::{Setting, assign, choice_setting};
use crate::config::tls::FILE;

/// The settings of the exporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Whether it works.
    pub enabled: bool,
    /// The receiver; empty only where the exporter is off.
    pub endpoint: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Whether metrics are pushed.
    pub metrics: bool,
    /// Whether events and log records are pushed.
    pub events: bool,
    /// Between two snapshots.
    pub interval: Duration,
    /// Time for one request, from connecting to the end of the answer.
    pub timeout: Duration,
    /// File with a token that each request shows.
    pub bearer_token_file: Option<PathBuf>,
    /// Authorities that the receiver's certificate may be of; `None` = those of the system.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate with its chain.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// Sent with every request.
    pub headers: BTreeMap<String, String>,
    /// Of requests.
    pub compression: Compression,
    /// Most bytes of requests that wait, for metrics and for events each.
    pub queue: Size,
}

/// The two ways of the OpenTelemetry protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC.
    Grpc,
    /// Protobuf in HTTP requests.
    Http,
}

choice_setting!(Protocol, PROTOCOLS: Grpc = "grpc", Http = "http");

/// Compression of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// None.
    None,
}

choice_setting!(Compression, COMPRESSIONS: Gzip = "gzip", None = "none");

impl Default for Otlp {
    fn default() -> Self {
        Self {
            enabled: false,
            endpoint: "http://127.0.0.1:4317".to_owned(),
            protocol: Protocol::Grpc,
            metrics: true,
            events: true,
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            bearer_token_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            headers: BTreeMap::new(),
            compression: Compression::Gzip,
            queue: Size(64 << 20),
        }
    }
}

/// The section.
pub const SECTION: Section = Section {
    name: "export.otlp",
    doc: "Metrics, all once per interval, and events as they come, pushed by the OpenTelemetry protocol.",
    keys: KEYS,
    check,
};

const KEYS: &[Key<Config>] = &[
    key!("enabled", otlp.enabled, Kind::Bool, "Whether anything is pushed."),
    key!(
        "endpoint",
        otlp.endpoint,
        Kind::Text(Rule::HttpUrl),
        "The receiver; for HTTP usually port 4318, and /v1/metrics and /v1/logs are added to what stands here."
    ),
    key!("protocol", otlp.protocol, Kind::Choice(PROTOCOLS), "\"grpc\", or \"http\" for protobuf over HTTP."),
    key!("metrics", otlp.metrics, Kind::Bool, "Whether metrics are pushed."),
    key!("events", otlp.events, Kind::Bool, "Whether events and log records are pushed, as logs."),
    key!(
        "interval",
        otlp.interval,
        Kind::Duration(SECOND, Duration::from_secs(3_600)),
        "Between two pushes of all metrics."
    ),
    key!(
        "timeout",
        otlp.timeout,
        Kind::Duration(SECOND, Duration::from_secs(300)),
        "The longest that one request may take."
    ),
    key!("compression", otlp.compression, Kind::Choice(COMPRESSIONS), "Of requests."),
    key!(
        "queue",
        otlp.queue,
        Kind::Size(1 << 20, 4 << 30),
        "Most bytes of requests that wait while the receiver is down, for metrics and for events each; then the \
         oldest are dropped and counted."
    ),
    key!(
        "headers",
        otlp.headers,
        Kind::Map(Rule::HeaderName, Rule::HeaderValue),
        "Headers of every request, such as { x-scope-orgid = \"north\" }; no place for secrets."
    ),
    key!(
        "bearer_token_file",
        otlp.bearer_token_file,
        FILE,
        "File with a token for the receiver. Read again for each request."
    ),
    key!(
        "ca_file",
        otlp.ca_file,
        FILE,
        "Authorities in PEM that the receiver's certificate must be of; empty = those of the system. \
         Read again for each connection."
    ),
    key!(
        "cert_file",
        otlp.cert_file,
        FILE,
        "The agent's certificate and chain in PEM, for a receiver that asks for one."
    ),
    key!("key_file", otlp.key_file, FILE, "That certificate's private key in PEM."),
];

/// An address is needed; a certificate needs its key, and both need https.
fn check(config: &Config) -> Vec<(&'static str, String)> {
    let settings = &config.otlp;
    if !settings.enabled {
        return Vec::new();
    }
    let plain = !settings.endpoint.starts_with("https:");
    let tls = [&settings.ca_file, &settings.cert_file, &settings.key_file];
    let (cert, key) = (settings.cert_file.is_some(), settings.key_file.is_some());
    let problems = [
        (
            settings.endpoint.is_empty(),
            "endpoint",
            "found \"\" while the exporter is on; expected a URL, or enabled = false",
        ),
        (
            plain && tls.iter().any(|file| file.is_some()),
            "endpoint",
            "http does not use ca_file, cert_file and key_file; write https, or remove these keys",
        ),
        (cert && !key, "cert_file", "a certificate without its key; set key_file too"),
        (key && !cert, "key_file", "a key without its certificate; set cert_file too"),
    ];
    problems.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, key, what)| (key, what.to_owned())).collect()
}
