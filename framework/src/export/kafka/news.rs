//! What the log says about the exporter: each thing at once when it begins, then once a minute, and when it is over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

use crate::config::export::Kafka;

/// Between two lines about one thing.
const PERIOD: Duration = Duration::from_secs(60);

/// Why a record or a message is dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// More waits than the settings allow.
    Bounds,
    /// The spool cannot be written, for the reason that the system gives.
    Disk(Arc<str>),
    /// It was in a file of the spool that is gone or harmed.
    Gone,
}

/// What is to be said.
#[derive(Debug)]
pub(super) struct News {
    brokers: String,
    spool: PathBuf,
    spools: bool,
    /// Why, as the client says.
    reason: Option<String>,
    silent: Option<Silence>,
    refused: BTreeMap<String, u64>,
    dropped: BTreeMap<Loss, u64>,
    told: Option<Instant>,
    no_client: Option<Instant>,
}

#[derive(Debug)]
struct Silence {
    since: Instant,
    told: Instant,
}

impl News {
    pub(super) fn new(settings: &Kafka, state_dir: &Path) -> Self {
        Self {
            brokers: settings.brokers.join(","),
            spool: super::folder(state_dir),
            spools: settings.spool_size.0 > 0,
            reason: None,
            silent: None,
            refused: BTreeMap::new(),
            dropped: BTreeMap::new(),
            told: None,
            no_client: None,
        }
    }

    /// The client reported an error of the connection or the cluster.
    pub(super) fn heard(&mut self, error: Option<String>) {
        self.reason = error.or(self.reason.take());
    }

    /// No broker takes messages.
    pub(super) fn silent(&mut self, waiting: usize) {
        let now = Instant::now();
        if self.silent.as_ref().is_some_and(|silence| now.duration_since(silence.told) < PERIOD) {
            return;
        }
        let since = self.silent.as_ref().map_or(now, |silence| silence.since);
        self.silent = Some(Silence { since, told: now });
        let reason = self.reason.as_deref().unwrap_or("no answer");
        let kept = if self.spools { self.spool.display().to_string() } else { "memory".to_owned() };
        tracing::warn!(
            brokers = self.brokers,
            reason,
            waiting,
            kept,
            "Kafka takes no messages; they are kept. Check that the brokers can be reached, and the settings of security and login in [export.kafka]."
        );
    }

    /// A broker has taken messages.
    pub(super) fn answered(&mut self, waiting: usize) {
        self.reason = None;
        if let Some(silence) = self.silent.take() {
            let seconds = silence.since.elapsed().as_secs();
            tracing::info!(brokers = self.brokers, seconds, waiting, "Kafka takes messages again.");
        }
    }

    /// A message was refused for good.
    pub(super) fn refused(&mut self, code: RDKafkaErrorCode) {
        *self.refused.entry(format!("{code} ({code:?})")).or_default() += 1;
    }

    /// Records or messages were dropped.
    pub(super) fn dropped(&mut self, loss: Loss, count: u64) {
        if count > 0 {
            *self.dropped.entry(loss).or_default() += count;
        }
    }

    /// No client could be made.
    pub(super) fn no_client(&mut self, error: &anyhow::Error, goes_on: bool) {
        let now = Instant::now();
        if self.no_client.is_some_and(|told| now.duration_since(told) < PERIOD) {
            return;
        }
        self.no_client = Some(now);
        let until = if goes_on { "the connections there are stay" } else { "messages are kept" };
        tracing::error!(
            "The settings of [export.kafka] cannot be used: {error:#}. Until they can, {until}; correct the files they name."
        );
    }

    /// Says what has come together, once a minute.
    pub(super) fn tell(&mut self, now: Instant) {
        if self.refused.is_empty() && self.dropped.is_empty()
            || self.told.is_some_and(|told| now.duration_since(told) < PERIOD)
        {
            return;
        }
        self.told = Some(now);
        for (reason, count) in std::mem::take(&mut self.refused) {
            tracing::warn!(
                count,
                reason,
                "Kafka has refused messages for good. Check that the topics of [export.kafka] exist, that this user may write to them, and that batch is not larger than their max.message.bytes."
            );
        }
        let spool = self.spool.display();
        for (loss, count) in std::mem::take(&mut self.dropped) {
            match loss {
                Loss::Bounds => tracing::warn!(
                    count,
                    "Records for Kafka were dropped because they did not fit. A larger spool_size, buffer or queue in [export.kafka] keeps more."
                ),
                Loss::Disk(error) => tracing::warn!(
                    count,
                    %spool,
                    %error,
                    "Records for Kafka were dropped because the spool cannot be written. Make room on its disk, let the agent write there, or move state_dir."
                ),
                Loss::Gone => tracing::warn!(
                    count,
                    %spool,
                    "Records for Kafka were dropped because files of the spool are gone or harmed. Leave the folder to the agent."
                ),
            }
        }
    }

    /// The end.
    pub(super) fn ended(mut self, kept: usize) {
        self.told = None;
        self.tell(Instant::now());
        if kept > 0 {
            tracing::info!(kept, spool = %self.spool.display(), "Messages for Kafka stay in the spool; they are sent first when the exporter works again.");
        }
    }
}
