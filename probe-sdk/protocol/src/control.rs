//! The configuration of a probe process: one JSON object per line on its stdin, always the whole desired state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a process is to do from now on. A probe that is not to run is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigMessage {
    /// [`crate::PROTOCOL`].
    pub version: u32,
    /// Rises with every change; the probe answers `|applied|generation|`.
    pub generation: u64,
    /// By probe (REST) name.
    pub probes: BTreeMap<String, ProbeConfig>,
}

/// The desired state of one probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeConfig {
    /// Items that are on.
    pub items: Vec<String>,
    /// Every parameter of the manifest, with its default where nothing was set.
    pub params: BTreeMap<String, Value>,
    /// Whom to observe.
    pub scope: Scope,
}

/// The resolved scope: a probe never sees names or patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The whole host, whatever the lists say.
    pub all: bool,
    /// Processes in scope.
    pub processes: Vec<Process>,
    /// Containers in scope.
    pub containers: Vec<Container>,
}

/// A process in scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// Process id in the agent's pid namespace.
    pub pid: u32,
    /// Start in clock ticks since boot (field 22 of `/proc/PID/stat`), which tells a reused pid apart.
    pub start_time: u64,
    /// Process name.
    pub comm: String,
    /// Its container, or empty.
    pub container_id: String,
}

/// A container in scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Inode of its cgroup (v2), as BPF sees it.
    pub cgroup_id: u64,
    /// Path below the cgroup mount.
    pub cgroup_path: String,
}

impl ConfigMessage {
    /// The message as a line, its newline included.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Keys are strings and every value is a JSON value, so that writing cannot fail.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Reads a line.
    ///
    /// # Errors
    /// The JSON error, with its column.
    pub fn from_line(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}
