//! `[export.remote_write]`: the receiver that metrics are pushed to.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::keys::{Key, SECOND, Section, key};
use crate::config::kind::{Field, Kind};
use crate::config::model::Config;
use crate::config::rules::Rule;
use crate::config::setting::{Setting, assign};
use crate::config::tls::FILE;

/// The settings of the push to a Prometheus remote-write receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteWrite {
    /// Whether metrics are pushed.
    pub enabled: bool,
    /// Where to; empty only where the exporter is off.
    pub url: String,
    /// Time from one push to the next.
    pub interval: Duration,
    /// Time for one request, from connecting to the end of the answer.
    pub timeout: Duration,
    /// File with a token that each request shows.
    pub bearer_token_file: Option<PathBuf>,
    /// User of basic authentication; empty = none.
    pub username: String,
    /// File with that user's password.
    pub password_file: Option<PathBuf>,
    /// Authorities that the receiver's certificate may be of; `None` = those of the system.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate with its chain.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// Most batches that wait.
    pub queue: u64,
}

impl Default for RemoteWrite {
    fn default() -> Self {
        Self {
            enabled: false,
            url: String::new(),
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            bearer_token_file: None,
            username: String::new(),
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            queue: 240,
        }
    }
}

/// The section.
pub const SECTION: Section = Section {
    name: "export.remote_write",
    doc: "Metrics pushed by Prometheus remote-write 1.0.",
    keys: KEYS,
    check,
};

const KEYS: &[Key<Config>] = &[
    key!("enabled", remote_write.enabled, Kind::Bool, "Whether metrics are pushed."),
    key!(
        "url",
        remote_write.url,
        Kind::Text(Rule::HttpUrl),
        "Where to, such as \"https://prometheus.example:9090/api/v1/write\"."
    ),
    key!(
        "interval",
        remote_write.interval,
        Kind::Duration(SECOND, Duration::from_secs(3600)),
        "Time from one push to the next."
    ),
    key!(
        "timeout",
        remote_write.timeout,
        Kind::Duration(Duration::from_millis(100), Duration::from_secs(300)),
        "Time for one request; one that takes longer is sent again."
    ),
    key!(
        "bearer_token_file",
        remote_write.bearer_token_file,
        FILE,
        "File with a token for the receiver; with it username is not used. Read again for each request."
    ),
    key!(
        "username",
        remote_write.username,
        Kind::Text(Rule::Any),
        "User of basic authentication; empty = none."
    ),
    key!(
        "password_file",
        remote_write.password_file,
        FILE,
        "File with that user's password. Read again for each request."
    ),
    key!(
        "ca_file",
        remote_write.ca_file,
        FILE,
        "Authorities in PEM that the receiver's certificate must be of; empty = those of the system. \
         Read again for each connection."
    ),
    key!(
        "cert_file",
        remote_write.cert_file,
        FILE,
        "The agent's certificate and chain in PEM, for a receiver that asks for one."
    ),
    key!("key_file", remote_write.key_file, FILE, "That certificate's private key in PEM."),
    key!(
        "queue",
        remote_write.queue,
        Kind::Integer(1, 10_000),
        "Batches kept while the receiver is down: a push of up to 10,000 samples is one, a larger one several. \
         Beyond it the oldest is dropped and counted."
    ),
];

fn check(config: &Config) -> Vec<(&'static str, String)> {
    let settings = &config.remote_write;
    if !settings.enabled {
        return Vec::new();
    }
    let plain = !settings.url.starts_with("https:");
    let tls = [&settings.ca_file, &settings.cert_file, &settings.key_file];
    let problems = [
        (
            settings.url.is_empty(),
            "url",
            "found \"\" while the exporter is on; expected a URL, or enabled = false",
        ),
        (
            !settings.url.is_empty() && plain && tls.iter().any(|file| file.is_some()),
            "url",
            "http does not use ca_file, cert_file and key_file; write https, or remove these keys",
        ),
        (
            settings.username.is_empty() && settings.password_file.is_some(),
            "password_file",
            "a password without its user; set username too",
        ),
        (
            !settings.username.is_empty() && settings.password_file.is_none(),
            "username",
            "a user without a password; set password_file too",
        ),
        (
            settings.username.contains([':', '\n', '\r']),
            "username",
            "a user name of basic authentication has no colon and no line break",
        ),
        (
            settings.cert_file.is_some() && settings.key_file.is_none(),
            "cert_file",
            "a certificate without its key; set key_file too",
        ),
        (
            settings.cert_file.is_none() && settings.key_file.is_some(),
            "key_file",
            "a key without its certificate; set cert_file too",
        ),
    ];
    problems.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, key, what)| (key, what.to_owned())).collect()
}
