//! What the agent's metrics say of each folder's process.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::supervise::{StateName, Supervisor};
use crate::telemetry::AgentMetrics;

/// Keeps the metrics of folders in step with the supervisor.
pub(super) struct FolderStatus {
    metrics: AgentMetrics,
    shown: BTreeSet<Arc<str>>,
}

impl FolderStatus {
    pub(super) fn new(metrics: AgentMetrics) -> Self {
        Self { metrics, shown: BTreeSet::new() }
    }

    /// Writes down where the folders are in their lives; those that are gone are no longer shown.
    pub(super) fn states(&mut self, supervisor: &Supervisor) {
        let mut now = BTreeSet::new();
        for brief in supervisor.briefs() {
            let folder: &str = &brief.folder;
            for state in StateName::ALL {
                let value = i64::from(state == brief.state);
                self.metrics.probe_state.with_label_values(&[folder, state.as_str()]).set(value);
            }
            let restarts = self.metrics.probe_restarts.with_label_values(&[folder]);
            restarts.inc_by(brief.restarts.saturating_sub(restarts.get()));
            now.insert(brief.folder);
        }
        for gone in self.shown.difference(&now) {
            self.metrics.forget_folder(gone, StateName::ALL.map(StateName::as_str));
        }
        self.shown = now;
    }
    /// Writes down what the folders' processes use. After [`Self::states`], which forgets those that are gone.
    pub(super) fn usages(&self, supervisor: &Supervisor) {
        for (folder, usage) in supervisor.usages() {
            let cpu = usage.map_or(0.0, |usage| usage.cpu.as_secs_f64());
            let memory = usage.map_or(0, |usage| usage.memory);
            self.metrics.probe_cpu.with_label_values(&[&folder]).set(cpu);
            let memory = i64::try_from(memory).unwrap_or(i64::MAX);
            self.metrics.probe_memory.with_label_values(&[&folder]).set(memory);
        }
    }
}
