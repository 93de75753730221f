//! The client library: a producer from the settings, what it reports, and what it says.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::backlog::Ticket;
use super::message::{Message, Topic};
use crate::config::export::Kafka;
use crate::config::export::kafka::Acks;
use crate::sync::lock;

/// Bytes of the largest message that is sent however small batches are; brokers take as much by default.
const LARGEST: u64 = 1_000_000;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A broker has it.
    Sent,
    /// A broker or the client will never take it.
    Refused(RDKafkaErrorCode),
    /// Nobody knows; it is to be sent again.
    Unknown(RDKafkaErrorCode),
}

/// Takes reports and errors from the client.
#[derive(Debug, Default)]
pub(super) struct Reports {
    fates: Mutex<Vec<(Ticket, u32, Fate)>>,
    /// The last error that concerns no single message.
    error: Mutex<Option<String>>,
    fatal: AtomicBool,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", ?level, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal) => self.fatal.store(true, Ordering::Relaxed),
            // It follows an error that says why.
            Some(RDKafkaErrorCode::AllBrokersDown) => return,
            _ => {}
        }
        *lock(&self.error) = Some(reason.to_owned());
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let (message, fate) = match result {
            Ok(message) => (message, Fate::Sent),
            Err((error, message)) => (message, fate(error)),
        };
        let size = message.payload_len() + message.key_len();
        lock(&self.fates).push((Ticket(ticket), u32::try_from(size).unwrap_or(u32::MAX), fate));
    }
}

/// What an error means for a message. The client itself repeats whatever may yet go well and waits without end, so
/// that all but its own ends are refusals.
fn fate(error: &KafkaError) -> Fate {
    use RDKafkaErrorCode as Code;
    let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
    match code {
        Code::PurgeQueue
        | Code::PurgeInflight
        | Code::Fatal
        | Code::MessageTimedOut
        | Code::OperationTimedOut
        | Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Authentication
        | Code::QueueFull
        | Code::OutOfOrderSequenceNumber
        | Code::InvalidProducerEpoch
        | Code::ProducerFenced => Fate::Unknown(code),
        _ => Fate::Refused(code),
    }
}

/// A producer with its topics.
pub(super) struct Client {
    producer: BaseProducer<Reports>,
    topics: [String; 3],
    /// Bytes of keys and values that are on their way.
    on_the_way: usize,
    messages: usize,
}

impl Client {
    /// Makes a producer; it connects when there is something to send.
    ///
    /// # Errors
    /// When a file cannot be read or the library refuses a setting.
    pub(super) fn new(settings: &Kafka) -> anyhow::Result<Self> {
        let producer = configuration(settings)?.create_with_context(Reports::default())?;
        let topics = &settings.topics;
        let topics = [topics.metric.clone(), topics.event.clone(), topics.metadata.clone()];
        Ok(Self { producer, topics, on_the_way: 0, messages: 0 })
    }

    /// Bytes that are on their way.
    pub(super) fn on_the_way(&self) -> usize {
        self.on_the_way
    }

    /// Messages that are on their way.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// What is to become of one that the library does not take: [`Fate::Unknown`] while its queue is full.
    pub(super) fn send(&mut self, ticket: Ticket, message: &Message<'_>) -> Result<(), Fate> {
        let topic = match message.topic {
            Topic::Metric => &self.topics[0],
            Topic::Event => &self.topics[1],
            Topic::Metadata => &self.topics[2],
        };
        let record = BaseRecord::with_opaque_to(topic, ticket.0)
            .key(message.key)
            .payload(message.value)
            .timestamp(i64::try_from(message.time).unwrap_or(i64::MAX));
        self.producer.send(record).map_err(|(error, _)| fate(&error))?;
        self.on_the_way += message.key.len() + message.value.len();
        self.messages += 1;
        Ok(())
    }

    /// Waits at most so long for reports and takes them.
    pub(super) fn reports(&mut self, wait: Duration, into: &mut Vec<(Ticket, Fate)>) {
        self.producer.poll(wait);
        let fates = std::mem::take(&mut *lock(&self.producer.context().fates));
        for (ticket, size, fate) in fates {
            self.on_the_way = self.on_the_way.saturating_sub(size as usize);
            self.messages = self.messages.saturating_sub(1);
            into.push((ticket, fate));
        }
    }

    /// The last error of the connection or the cluster, if there was one since the last call.
    pub(super) fn take_error(&self) -> Option<String> {
        lock(&self.producer.context().error).take()
    }

    /// Whether it will take nothing any more.
    pub(super) fn is_dead(&self) -> bool {
        self.producer.context().fatal.load(Ordering::Relaxed)
    }
}

/// The settings in the library's words.
fn configuration(settings: &Kafka) -> anyhow::Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config
        .set("client.id", "gala-gopher")
        .set("bootstrap.servers", settings.brokers.join(","))
        .set("acks", if settings.acks == Acks::All { "-1" } else { settings.acks.name() })
        .set("enable.idempotence", settings.idempotence.to_string())
        .set("compression.type", settings.compression.name())
        .set("linger.ms", settings.linger.as_millis().to_string())
        .set("batch.size", settings.batch.0.to_string())
        .set("batch.num.messages", "1000000")
        .set("message.max.bytes", settings.batch.0.max(LARGEST).to_string())
        // How much is handed over is decided here, by bytes.
        .set("queue.buffering.max.messages", "0")
        .set("queue.buffering.max.kbytes", (settings.buffer.0 / 1024 * 2).to_string())
        // A message waits as long as no broker answers; the backlog decides what is too much.
        .set("message.timeout.ms", "0")
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.keepalive.enable", "true")
        // The partition that Java clients choose for the same key.
        .set("partitioner", "murmur2_random")
        .set_log_level(RDKafkaLogLevel::Info);
    if !settings.idempotence {
        // One request at a time keeps the order when it has to be repeated.
        config.set("max.in.flight.requests.per.connection", "1");
    }
    config.set("security.protocol", settings.security.name());
    if settings.security.tls() {
        let certificate =
            [("ssl.certificate.location", &settings.cert_file), ("ssl.key.location", &settings.key_file)];
        for (key, file) in certificate {
            if let Some(file) = file {
                config.set(key, file.to_string_lossy());
            }
        }
        // Without a file the system's certificates are looked for where distributions keep them.
        let authorities = settings.ca_file.as_ref().map_or("probe".into(), |file| file.to_string_lossy());
        config.set("ssl.ca.location", authorities);
    }
    if settings.security.sasl() {
        config
            .set("sasl.mechanism", settings.sasl_mechanism.name())
            .set("sasl.username", &settings.sasl_username)
            .set("sasl.password", password(settings.sasl_password_file.as_deref())?);
    }
    Ok(config)
}

/// The files that cannot be used, each with its key and the reason. The library reads them as for a producer, which
/// without brokers connects to nobody.
#[must_use]
pub fn bad_files(settings: &Kafka) -> Vec<(&'static str, String)> {
    let tls = settings.security.tls();
    let files = [
        ("ca_file", settings.ca_file.as_deref().filter(|_| tls), "ssl.ca.location"),
        ("cert_file", settings.cert_file.as_deref().filter(|_| tls), "ssl.certificate.location"),
        ("key_file", settings.key_file.as_deref().filter(|_| tls), "ssl.key.location"),
        (
            "sasl_password_file",
            settings.sasl_password_file.as_deref().filter(|_| settings.security.sasl()),
            "",
        ),
    ];
    let files = files.into_iter().filter_map(|(key, file, name)| Some((key, file?, name)));
    let unread = files.clone().filter_map(|(key, file, _)| {
        let error = fs::read(file).err()?;
        Some((key, format!("{}: {error}", file.display())))
    });
    let unread: Vec<_> = unread.collect();
    if !unread.is_empty() {
        return unread;
    }
    let made = configuration(settings).and_then(|mut config| {
        config.remove("bootstrap.servers");
        let producer: Result<BaseProducer<Reports>, _> = config.create_with_context(Reports::default());
        Ok(producer.map(drop)?)
    });
    let Err(error) = made else { return Vec::new() };
    let error = error.to_string();
    let named: Vec<_> = files.collect();
    let meant = named.iter().find(|(_, _, name)| !name.is_empty() && error.contains(name)).or(named.first());
    meant.map(|(key, file, _)| (*key, format!("{}: {error}", file.display()))).into_iter().collect()
}

fn password(file: Option<&Path>) -> anyhow::Result<String> {
    let file = file.context("sasl_password_file is not set")?;
    let text = fs::read_to_string(file).with_context(|| format!("sasl_password_file {}", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
