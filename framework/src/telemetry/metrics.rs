//! The agent's own metrics, under fixed names that dashboards and tests rely on.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, Weak};

use gopher_protocol::reject::{FieldReason, Reason};
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::ingest::Dropped;
use crate::sync::lock;

/// What the names of all of them begin with.
const PREFIX: &str = "gala_gopher_agent_";
/// Outcomes of events, in the order of [`FolderCounters::events`].
const EVENTS: [&str; 2] = ["suppressed", "passed"];
/// Most kinds of losses of one folder that are told apart.
const LOST: usize = 32;
/// How long, in milliseconds, the counters of a removed folder are shown: a few scrapes of a slow Prometheus server.
const GONE_SHOWN: u64 = 10 * 60_000;

/// All metrics of the agent about itself.
#[derive(Clone, Debug)]
pub struct AgentMetrics {
    registry: Registry,
    /// The folders whose counters are shown, by name.
    folders: Arc<Mutex<HashMap<String, Shown>>>,
    lines: IntCounterVec,
    rows: IntCounterVec,
    fields: IntCounterVec,
    utf8: IntCounterVec,
    events: IntCounterVec,
    lost: IntCounterVec,
    capabilities: IntGaugeVec,
    /// Keys that the store holds.
    pub series: IntGauge,
    /// 1 for the state that a folder's process is in, 0 for the others.
    pub probe_state: IntGaugeVec,
    restarts: IntCounterVec,
    /// CPU time of a folder's processes in seconds, by folder.
    pub probe_cpu: GaugeVec,
    /// Memory of a folder's processes, by folder.
    pub probe_memory: IntGaugeVec,
    /// Scrapes by status code.
    pub scrapes: IntCounterVec,
    /// Reads of the configuration file, by outcome.
    pub reloads: IntCounterVec,
    /// How scopes are resolved.
    pub scope: ScopeMetrics,
    export_rows: IntCounterVec,
    export_queued: IntGaugeVec,
}

/// How scopes are resolved.
#[derive(Clone, Debug)]
pub struct ScopeMetrics {
    /// 1 for where news of processes come from, 0 for the others.
    pub source: IntGaugeVec,
    /// Times that the kernel lost news of processes.
    pub overruns: IntCounter,
    /// Questions to container runtimes, by outcome.
    pub lookups: IntCounterVec,
}

impl ScopeMetrics {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let overruns = "Times that the kernel lost news of processes; each made all processes be looked at.";
        Ok(Self {
            source: gauges(r, "scope_source", "1 for where news of processes come from.", &["source"])?,
            overruns: keep(r, IntCounter::new(format!("{PREFIX}scope_overruns_total"), overruns)?)?,
            lookups: counters(
                r,
                "container_lookups_total",
                "Questions to container runtimes.",
                &["outcome"],
            )?,
        })
    }
}

/// The counters of one exporter that pushes: what it is offered is sent, failed or dropped.
#[derive(Clone, Debug)]
pub struct ExportCounters {
    /// Rows and events that the other side has taken.
    pub sent: IntCounter,
    /// Those that the other side has refused.
    pub failed: IntCounter,
    /// Those that did not fit into a queue or a spool.
    pub dropped: IntCounter,
    /// Those that wait now.
    pub queued: IntGauge,
}

/// Whether anybody can still count for a folder.
#[derive(Debug, Default)]
struct Shown {
    held: Weak<()>,
    /// The time of the first look that found nobody.
    gone: Option<u64>,
    /// Labels of what it lost.
    lost: BTreeSet<String>,
}

/// The counters of one folder, ready to be counted on: no look-up on the hot path. They are shown as long as somebody
/// holds them and [`AgentMetrics::sweep`] for some time after.
#[derive(Clone, Debug)]
pub struct FolderCounters {
    /// Starts of the process after the first.
    pub restarts: IntCounter,
    /// Data and event lines read.
    pub lines: IntCounter,
    /// Lines kept or passed on.
    pub accepted: IntCounter,
    /// Lines refused, by [`Reason`] in the order of its `ALL`.
    pub rejected: [IntCounter; Reason::ALL.len()],
    /// Good lines not kept, by [`Dropped`] in the order of its `ALL`.
    pub dropped: [IntCounter; Dropped::ALL.len()],
    /// Fields refused in rows that were kept.
    pub fields: [IntCounter; FieldReason::ALL.len()],
    /// Lines with invalid UTF-8.
    pub utf8: IntCounter,
    /// Accepted events: those left out as repetitions, and those passed on.
    pub events: [IntCounter; 2],
    _held: Arc<()>,
}

impl AgentMetrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When a name is not allowed or there twice, which a test would have shown.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        let metrics = Self {
            lines: counters(r, "lines_total", "Data and event lines read from a probe folder.", &["probe"])?,
            rows: counters(
                r,
                "rows_total",
                "Fate of those lines; over outcomes and reasons it sums to lines_total.",
                &["probe", "outcome", "reason"],
            )?,
            fields: counters(
                r,
                "fields_rejected_total",
                "Fields refused in rows that were kept.",
                &["probe", "reason"],
            )?,
            utf8: counters(
                r,
                "invalid_utf8_total",
                "Lines in which invalid UTF-8 was replaced.",
                &["probe"],
            )?,
            events: counters(
                r,
                "events_total",
                "Accepted events: passed on to exporters, or left out because the same was passed on just before.",
                &["probe", "outcome"],
            )?,
            lost: lost(r)?,
            capabilities: capabilities(r)?,
            series: keep(r, IntGauge::new("gala_gopher_agent_series", "Keys that the store holds.")?)?,
            probe_state: gauges(
                r,
                "probe_state",
                "1 for the state of a folder's process.",
                &["probe", "state"],
            )?,
            restarts: counters(r, "probe_restarts_total", "Starts after the first.", &["probe"])?,
            probe_cpu: cpu(r)?,
            probe_memory: gauges(r, "probe_memory_bytes", "Memory of a folder's processes.", &["probe"])?,
            scrapes: counters(r, "scrapes_total", "Scrapes answered.", &["code"])?,
            reloads: counters(r, "reloads_total", "Reads of the configuration file.", &["outcome"])?,
            scope: ScopeMetrics::new(r)?,
            export_rows: counters(
                r,
                "export_rows_total",
                "Fate of the rows and events offered to an exporter that pushes.",
                &["exporter", "outcome"],
            )?,
            export_queued: gauges(
                r,
                "export_queued",
                "Rows and events that wait in an exporter.",
                &["exporter"],
            )?,
            registry,
            folders: Arc::default(),
        };
        metrics.build_info()?;
        Ok(metrics)
    }

    fn build_info(&self) -> Result<(), prometheus::Error> {
        let opts = Opts::new("gala_gopher_agent_build_info", "1, with the version as a label.");
        let info = keep(&self.registry, IntGaugeVec::new(opts, &["version"])?)?;
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(())
    }

    /// The counters of one folder; the same ones for the same name.
    #[must_use]
    pub fn folder(&self, name: &str) -> FolderCounters {
        let mut folders = lock(&self.folders);
        let shown = folders.entry(name.to_owned()).or_default();
        let held = shown.held.upgrade().unwrap_or_default();
        (shown.held, shown.gone) = (Arc::downgrade(&held), None);
        let row = |outcome: &str, reason: &str| self.rows.with_label_values(&[name, outcome, reason]);
        FolderCounters {
            restarts: self.restarts.with_label_values(&[name]),
            lines: self.lines.with_label_values(&[name]),
            accepted: row("accepted", ""),
            rejected: Reason::ALL.map(|reason| row("rejected", reason.label())),
            dropped: Dropped::ALL.map(|reason| row("dropped", reason.label())),
            fields: FieldReason::ALL.map(|reason| self.fields.with_label_values(&[name, reason.label()])),
            utf8: self.utf8.with_label_values(&[name]),
            events: EVENTS.map(|outcome| self.events.with_label_values(&[name, outcome])),
            _held: held,
        }
    }

    /// Counts what a folder lost. Of too many kinds the rest is `other`.
    pub fn lost(&self, folder: &str, what: &str, count: u64) {
        let mut folders = lock(&self.folders);
        let known = &mut folders.entry(folder.to_owned()).or_default().lost;
        let what = if known.len() < LOST || known.contains(what) { what } else { "other" };
        known.insert(what.to_owned());
        self.lost.with_label_values(&[folder, what]).inc_by(count);
    }

    /// Shows or no longer shows by which hook a capability works: folder, capability, hook, fidelity.
    pub fn capability(&self, labels: [&str; 4], works: bool) {
        if works {
            self.capabilities.with_label_values(&labels).set(1);
        } else {
            forgotten(self.capabilities.remove_label_values(&labels));
        }
    }

    /// Forgets the counters of folders that nobody has been able to count for since ten minutes. `now` is
    /// [`crate::clock::mono_ms`].
    pub fn sweep(&self, now: u64) {
        lock(&self.folders).retain(|name, shown| {
            if shown.held.strong_count() > 0 {
                return true;
            }
            let keep = now.saturating_sub(*shown.gone.get_or_insert(now)) < GONE_SHOWN;
            if !keep {
                self.forget_counters(name);
                for what in &shown.lost {
                    forgotten(self.lost.remove_label_values(&[name, what]));
                }
            }
            keep
        });
    }

    fn forget_counters(&self, name: &str) {
        for by_folder in [&self.lines, &self.utf8, &self.restarts] {
            forgotten(by_folder.remove_label_values(&[name]));
        }
        let row = |outcome, reason| forgotten(self.rows.remove_label_values(&[name, outcome, reason]));
        row("accepted", "");
        Reason::ALL.iter().for_each(|reason| row("rejected", reason.label()));
        Dropped::ALL.iter().for_each(|reason| row("dropped", reason.label()));
        for outcome in EVENTS {
            forgotten(self.events.remove_label_values(&[name, outcome]));
        }
        for reason in FieldReason::ALL {
            forgotten(self.fields.remove_label_values(&[name, reason.label()]));
        }
    }

    /// The counters of an exporter that pushes; the same ones for the same name.
    #[must_use]
    pub fn exporter(&self, name: &str) -> ExportCounters {
        let rows = |outcome: &str| self.export_rows.with_label_values(&[name, outcome]);
        ExportCounters {
            sent: rows("sent"),
            failed: rows("failed"),
            dropped: rows("dropped"),
            queued: self.export_queued.with_label_values(&[name]),
        }
    }

    /// Stops showing the state of a folder that is gone; its counters stay until [`Self::sweep`] forgets them.
    pub fn forget_folder(&self, name: &str, states: impl IntoIterator<Item = &'static str>) {
        for state in states {
            forgotten(self.probe_state.remove_label_values(&[name, state]));
        }
        forgotten(self.probe_cpu.remove_label_values(&[name]));
        forgotten(self.probe_memory.remove_label_values(&[name]));
    }

    /// Everything as it stands now.
    #[must_use]
    pub fn gather(&self) -> Vec<MetricFamily> {
        // All counters of a folder or none: in every answer the outcomes sum to the lines.
        let _whole = lock(&self.folders);
        self.registry.gather()
    }
}

fn keep<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn forgotten(removed: Result<(), prometheus::Error>) {
    if let Err(error) = removed {
        tracing::debug!(%error, "A folder went that was not shown.");
    }
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    keep(registry, IntCounterVec::new(Opts::new(format!("{PREFIX}{name}"), help), labels)?)
}

fn cpu(registry: &Registry) -> Result<GaugeVec, prometheus::Error> {
    let opts = Opts::new(format!("{PREFIX}probe_cpu_seconds"), "CPU time of a folder's processes.");
    keep(registry, GaugeVec::new(opts, &["probe"])?)
}

fn lost(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    let help = "What a probe lost before it could report it: records of a ring, entries of a map.";
    counters(registry, "probe_lost_total", help, &["probe", "what"])
}

fn capabilities(registry: &Registry) -> Result<IntGaugeVec, prometheus::Error> {
    let help = "1 for the hook by which a capability of a probe works on this host.";
    gauges(registry, "probe_capability", help, &["probe", "capability", "hook", "fidelity"])
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    keep(registry, IntGaugeVec::new(Opts::new(format!("{PREFIX}{name}"), help), labels)?)
}

#[cfg(test)]
mod tests;
