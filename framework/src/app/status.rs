//! What the agent's metrics say of each folder's process.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::supervise::{StateName, Supervisor};
use crate::telemetry::{AgentMetrics, FolderCounters};

/// Keeps the metrics of folders in step with the supervisor.
pub(super) struct FolderStatus {
    metrics: AgentMetrics,
    shown: BTreeMap<Arc<str>, Shown>,
}

/// What is kept of a folder between two looks.
struct Shown {
    counters: FolderCounters,
    /// Restarts as the supervisor had them.
    restarts: u64,
    /// What is shown of its capabilities: name, hook, fidelity.
    capabilities: Vec<[String; 3]>,
}

impl FolderStatus {
    pub(super) fn new(metrics: AgentMetrics) -> Self {
        Self { metrics, shown: BTreeMap::new() }
    }

    /// Writes down where the folders are in their lives. The states of those that are gone are no longer shown; their
    /// counters go when [`AgentMetrics::sweep`] says so.
    pub(super) fn states(&mut self, supervisor: &Supervisor) {
        let mut before = std::mem::take(&mut self.shown);
        for brief in supervisor.briefs() {
            let folder: &str = &brief.folder;
            for state in StateName::ALL {
                let value = i64::from(state == brief.state);
                self.metrics.probe_state.with_label_values(&[folder, state.as_str()]).set(value);
            }
            let mut shown = before.remove(folder).unwrap_or_else(|| Shown {
                counters: self.metrics.folder(folder),
                restarts: 0,
                capabilities: Vec::new(),
            });
            shown.counters.restarts.inc_by(increase(shown.restarts, brief.restarts));
            shown.restarts = brief.restarts;
            self.shown.insert(brief.folder, shown);
        }
        for (gone, shown) in &mut before {
            self.metrics.forget_folder(gone, StateName::ALL.map(StateName::as_str));
            shown.show(&self.metrics, gone, Vec::new());
        }
    }

    /// Writes down by which hooks the folders' capabilities work. After [`Self::states`].
    pub(super) fn capabilities(&mut self, supervisor: &Supervisor) {
        for (folder, capabilities) in supervisor.capabilities() {
            let now = capabilities.into_iter().map(|one| {
                let fidelity = one.fidelity.split(':').next().filter(|_| !one.hook.is_empty());
                [one.name, one.hook, fidelity.unwrap_or("none").to_owned()]
            });
            if let Some(shown) = self.shown.get_mut(&folder) {
                shown.show(&self.metrics, &folder, now.collect());
            }
        }
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

impl Shown {
    fn show(&mut self, metrics: &AgentMetrics, folder: &str, now: Vec<[String; 3]>) {
        if self.capabilities == now {
            return;
        }
        let show = |[name, hook, fidelity]: &[String; 3], works| {
            metrics.capability([folder, name, hook, fidelity], works);
        };
        self.capabilities
            .iter()
            .filter(|before| !now.contains(before))
            .for_each(|before| show(before, false));
        now.iter().for_each(|one| show(one, true));
        self.capabilities = now;
    }
}

/// What a count has grown by; the supervisor counts from 0 again when a folder comes back.
fn increase(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::increase;

    #[test]
    fn restarts_of_a_folder_that_came_back_are_added() {
        assert_eq!(increase(3, 5), 2);
        assert_eq!(increase(5, 5), 0);
        assert_eq!(increase(5, 2), 2);
    }
}
