//! The exporters that push, as the configuration wants them: each is started, replaced and stopped alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::{Changes, Config};
use crate::enrich::Host;
use crate::export::push::{Feed, Pusher, Work};
use crate::export::{kafka, logs, otlp, remote_write};
use crate::store::Store;
use crate::telemetry::AgentMetrics;

/// One kind of exporter.
struct Kind {
    /// Its name in metrics and in the log.
    name: &'static str,
    /// Its section of the configuration; a change there replaces the exporter.
    section: &'static str,
    enabled: fn(&Config) -> bool,
    work: fn(&Config, Feed, CancellationToken) -> Work,
    /// Files that it cannot use, each with its key and the reason.
    bad_files: fn(&Config) -> Vec<(&'static str, String)>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: kafka::NAME,
        section: "export.kafka",
        enabled: |config| config.kafka.enabled,
        work: |config, feed, stop| kafka::work(config.kafka.clone(), feed, stop),
        bad_files: |config| kafka::bad_files(&config.kafka),
    },
    Kind {
        name: logs::NAME,
        section: "export.logs",
        enabled: |config| config.logs.enabled,
        work: |config, feed, stop| logs::work(&config.logs, feed, stop),
        bad_files: |_| Vec::new(),
    },
    Kind {
        name: otlp::NAME,
        section: "export.otlp",
        enabled: |config| config.otlp.enabled,
        work: |config, feed, stop| otlp::work(config.otlp.clone(), feed, stop),
        bad_files: |config| otlp::bad_files(&config.otlp),
    },
    Kind {
        name: "remote_write",
        section: "export.remote_write",
        enabled: |config| config.remote_write.enabled,
        work: |config, feed, stop| remote_write::work(config.remote_write.clone(), feed, stop),
        bad_files: |config| remote_write::bad_files(&config.remote_write),
    },
];

/// The files of enabled exporters that they cannot use: section, key and reason.
pub(super) fn bad_files(config: &Config) -> Vec<(&'static str, &'static str, String)> {
    let enabled = KINDS.iter().filter(|kind| (kind.enabled)(config));
    let bad = |kind: &Kind| {
        let section = kind.section;
        (kind.bad_files)(config).into_iter().map(move |(key, message)| (section, key, message))
    };
    enabled.flat_map(bad).collect()
}

/// Those that work now.
pub(super) struct Exporters {
    store: Arc<Store>,
    host: Arc<Host>,
    metrics: AgentMetrics,
    working: BTreeMap<&'static str, Pusher>,
}

impl Exporters {
    /// None works yet.
    pub(super) fn new(store: Arc<Store>, host: Arc<Host>, metrics: AgentMetrics) -> Self {
        Self { store, host, metrics, working: BTreeMap::new() }
    }

    /// Starts those that are enabled.
    pub(super) fn start(&mut self, config: &Config) {
        KINDS.iter().for_each(|kind| self.replace(kind, config));
    }

    /// Follows a change of the configuration; an exporter whose settings are as before goes on undisturbed.
    pub(super) fn change(&mut self, changes: &Changes, config: &Config) {
        for kind in KINDS.iter().filter(|kind| changes.touches(kind.section)) {
            self.replace(kind, config);
        }
    }

    fn replace(&mut self, kind: &Kind, config: &Config) {
        let before = self.working.remove(kind.name);
        let enabled = (kind.enabled)(config);
        if !enabled && before.is_none() {
            return;
        }
        let feed = self.feed(kind.name, config);
        // One that is switched off is followed by no work, so that its end is waited for by whatever comes next.
        let pusher = Pusher::start(kind.name, before, |stop| match enabled {
            true => (kind.work)(config, feed, stop),
            false => Box::pin(std::future::ready(())),
        });
        self.working.insert(kind.name, pusher);
    }

    fn feed(&self, name: &str, config: &Config) -> Feed {
        Feed {
            store: Arc::clone(&self.store),
            host: Arc::clone(&self.host),
            state_dir: config.agent.state_dir.clone(),
            counters: self.metrics.exporter(name),
        }
    }

    /// Stops all at the same time; each sends or keeps what it holds.
    pub(super) async fn stop(&mut self) {
        let ends: Vec<_> = std::mem::take(&mut self.working)
            .into_values()
            .map(|pusher| tokio::spawn(pusher.finish()))
            .collect();
        for end in ends {
            if let Err(error) = end.await {
                tracing::error!(%error, "Stopping an exporter failed.");
            }
        }
    }
}
