//! `[export.kafka]`: brokers, topics, delivery, security, and what is kept while no broker answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::keys::{Key, Section, key};
use crate::config::kind::{Field, Kind, Value};
use crate::config::model::{Config, Size};
use crate::config::rules::Rule;
use crate::config::setting::{Setting, assign, choice_setting, entries_of};
use crate::config::tls::FILE;

/// The settings of the exporter to Kafka.
#[derive(Debug, Clone, PartialEq)]
pub struct Kafka {
    /// Whether anything is sent.
    pub enabled: bool,
    /// Addresses that the cluster is found by.
    pub brokers: Vec<String>,
    /// Where rows, events and metadata go.
    pub topics: Topics,
    /// Whose acknowledgement counts.
    pub acks: Acks,
    /// Whether the broker keeps a repeated message once.
    pub idempotence: bool,
    /// How batches are compressed.
    pub compression: Compression,
    /// Longest wait for a batch to fill.
    pub linger: Duration,
    /// Most bytes of one batch.
    pub batch: Size,
    /// What protects the connection.
    pub security: Security,
    /// Authorities that the brokers' certificates may be of; `None` = those of the system.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate with its chain.
    pub cert_file: Option<PathBuf>,
    /// Its private key.
    pub key_file: Option<PathBuf>,
    /// How we log in.
    pub sasl_mechanism: SaslMechanism,
    /// Who logs in.
    pub sasl_username: String,
    /// The file that holds the password.
    pub sasl_password_file: Option<PathBuf>,
    /// Most records that wait to be written as messages.
    pub queue: u64,
    /// Most bytes of messages that are kept in memory.
    pub buffer: Size,
    /// Most bytes of messages that are kept altogether, on disk; 0 = none on disk.
    pub spool_size: Size,
}

/// Names of topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Rows.
    pub metric: String,
    /// Events and log lines.
    pub event: String,
    /// What tables there are.
    pub metadata: String,
}

/// Whose acknowledgement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// All replicas that are in step.
    All,
    /// The leader.
    Leader,
    /// Nobody's: what is sent counts as delivered.
    None,
}

/// How batches are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4, the quickest.
    Lz4,
    /// Zstandard.
    Zstd,
    /// Snappy.
    Snappy,
    /// gzip, the slowest.
    Gzip,
}

/// What protects a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Nothing.
    Plaintext,
    /// TLS.
    Ssl,
    /// A login alone.
    SaslPlaintext,
    /// TLS and a login.
    SaslSsl,
}

impl Security {
    /// Whether connections are encrypted.
    #[must_use]
    pub fn tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether we log in.
    #[must_use]
    pub fn sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How we log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// The password as it is.
    Plain,
    /// Challenge and response with SHA-256.
    ScramSha256,
    /// Challenge and response with SHA-512.
    ScramSha512,
}

choice_setting!(Acks, ACKS: All = "all", Leader = "1", None = "0");
choice_setting!(
    Compression,
    COMPRESSIONS: None = "none",
    Lz4 = "lz4",
    Zstd = "zstd",
    Snappy = "snappy",
    Gzip = "gzip"
);
choice_setting!(
    Security,
    SECURITIES: Plaintext = "plaintext",
    Ssl = "ssl",
    SaslPlaintext = "sasl_plaintext",
    SaslSsl = "sasl_ssl"
);
choice_setting!(
    SaslMechanism,
    MECHANISMS: Plain = "PLAIN",
    ScramSha256 = "SCRAM-SHA-256",
    ScramSha512 = "SCRAM-SHA-512"
);

impl Default for Topics {
    fn default() -> Self {
        Self {
            metric: "gala_gopher".into(),
            event: "gala_gopher_event".into(),
            metadata: "gala_gopher_metadata".into(),
        }
    }
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            enabled: false,
            brokers: vec!["127.0.0.1:9092".into()],
            topics: Topics::default(),
            acks: Acks::All,
            idempotence: true,
            compression: Compression::Lz4,
            linger: Duration::from_millis(100),
            batch: Size(512 << 10),
            security: Security::Plaintext,
            ca_file: None,
            cert_file: None,
            key_file: None,
            sasl_mechanism: SaslMechanism::ScramSha512,
            sasl_username: String::new(),
            sasl_password_file: None,
            queue: 65_536,
            buffer: Size(32 << 20),
            spool_size: Size(256 << 20),
        }
    }
}

impl Setting for Topics {
    fn to_value(&self) -> Value {
        let names = [("metric", &self.metric), ("event", &self.event), ("metadata", &self.metadata)];
        Value::Table(names.into_iter().map(|(name, topic)| (name.to_owned(), topic.to_value())).collect())
    }
    fn from_value(value: Value) -> Option<Self> {
        let mut entries: BTreeMap<String, Value> = entries_of(value)?;
        let default = Self::default();
        let mut topic =
            |name: &str, default: String| entries.remove(name).map_or(Some(default), String::from_value);
        Some(Self {
            metric: topic("metric", default.metric)?,
            event: topic("event", default.event)?,
            metadata: topic("metadata", default.metadata)?,
        })
    }
}

/// The section.
pub const SECTION: Section = Section {
    name: "export.kafka",
    doc: "Rows, events and metadata as JSON messages to Apache Kafka. A change takes effect at once, without loss.",
    keys: KEYS,
    check,
};

const TOPIC: Kind = Kind::Text(Rule::KafkaTopic);
const TOPICS: &[Field] = &[
    Field { name: "metric", doc: "Rows.", kind: TOPIC, required: false },
    Field { name: "event", doc: "Events and log lines.", kind: TOPIC, required: false },
    Field { name: "metadata", doc: "What tables there are.", kind: TOPIC, required: false },
];

const KEYS: &[Key<Config>] = &[
    key!("enabled", kafka.enabled, Kind::Bool, "Whether anything is sent."),
    key!(
        "brokers",
        kafka.brokers,
        Kind::List(&Kind::Text(Rule::HostPort)),
        "Brokers that the cluster is found by."
    ),
    key!("topics", kafka.topics, Kind::Record(TOPICS), "Names of the topics for rows, events and metadata."),
    key!(
        "acks",
        kafka.acks,
        Kind::Choice(ACKS),
        "Who must have a message before it counts as sent: \"all\" replicas in step, \"1\" the leader, \"0\" nobody."
    ),
    key!(
        "idempotence",
        kafka.idempotence,
        Kind::Bool,
        "Whether the broker recognises what is sent again after a lost answer. Needs acks = \"all\"."
    ),
    key!("compression", kafka.compression, Kind::Choice(COMPRESSIONS), "Compression of batches."),
    key!(
        "linger",
        kafka.linger,
        Kind::Duration(Duration::ZERO, Duration::from_secs(60)),
        "Longest wait for a batch to fill."
    ),
    key!(
        "batch",
        kafka.batch,
        Kind::Size(1 << 10, 16 << 20),
        "Most bytes of one batch; not more than the topics' max.message.bytes."
    ),
    key!(
        "security",
        kafka.security,
        Kind::Choice(SECURITIES),
        "What protects connections: nothing, TLS (\"ssl\"), a login (\"sasl_plaintext\"), or both (\"sasl_ssl\")."
    ),
    key!(
        "ca_file",
        kafka.ca_file,
        FILE,
        "Authorities in PEM that the brokers' certificates must be of; empty = those of the system. A new file is \
         noticed, here and in the keys below."
    ),
    key!(
        "cert_file",
        kafka.cert_file,
        FILE,
        "The agent's certificate and chain in PEM, for brokers that ask for one."
    ),
    key!("key_file", kafka.key_file, FILE, "That certificate's private key in PEM."),
    key!("sasl_mechanism", kafka.sasl_mechanism, Kind::Choice(MECHANISMS), "How the agent logs in."),
    key!("sasl_username", kafka.sasl_username, Kind::Text(Rule::Any), "The name that it logs in with."),
    key!("sasl_password_file", kafka.sasl_password_file, FILE, "The file whose first line is the password."),
    key!(
        "queue",
        kafka.queue,
        Kind::Integer(1, 10_000_000),
        "Most records that wait to be written as messages; further ones are dropped and counted."
    ),
    key!(
        "buffer",
        kafka.buffer,
        Kind::Size(4 << 20, 1 << 30),
        "Most bytes of messages in memory; the client library may hold half as much again."
    ),
    key!(
        "spool_size",
        kafka.spool_size,
        Kind::Size(0, 1 << 40),
        "Most bytes of messages that wait for a broker, kept in the state folder's spool/kafka; further ones are \
         dropped and counted. \"0B\" = nothing on disk, only the buffer."
    ),
];

/// Idempotence needs all acknowledgements, a login its name and password, a certificate its key and TLS.
fn check(config: &Config) -> Vec<(&'static str, String)> {
    let kafka = &config.kafka;
    if !kafka.enabled {
        return Vec::new();
    }
    let (cert, key) = (kafka.cert_file.is_some(), kafka.key_file.is_some());
    let tls = kafka.security.tls();
    let login = kafka.security.sasl();
    let problems = [
        (
            kafka.brokers.is_empty(),
            "brokers",
            "found none while the exporter is on; name one, or set enabled = false",
        ),
        (
            kafka.idempotence && kafka.acks != Acks::All,
            "acks",
            "idempotence needs acks = \"all\"; set that, or idempotence = false",
        ),
        (
            login && kafka.sasl_username.is_empty(),
            "sasl_username",
            "a login needs a name; set it, or another security",
        ),
        (
            login && kafka.sasl_password_file.is_none(),
            "sasl_password_file",
            "a login needs a password; set it, or another security",
        ),
        (cert && !key, "cert_file", "a certificate without its key; set key_file too"),
        (key && !cert, "key_file", "a key without its certificate; set cert_file too"),
        (
            !tls && (kafka.ca_file.is_some() || cert || key),
            "security",
            "without TLS ca_file, cert_file and key_file are not used; set \"ssl\" or \"sasl_ssl\", or remove these keys",
        ),
    ];
    problems.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, key, what)| (key, what.to_owned())).collect()
}
