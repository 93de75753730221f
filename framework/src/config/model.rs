//! The typed configuration with its defaults; an empty file means exactly `Config::default()`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::containers::Containers;
use super::control::Control;
use super::events::Events;
use super::export::{Kafka, Logs, Otlp, Prometheus, RemoteWrite};
use super::scope::Scope;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// Everything the two files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// `[agent]`
    pub agent: Agent,
    /// `[folders]`
    pub folders: Folders,
    /// `[store]`
    pub store: Store,
    /// `[containers]`
    pub containers: Containers,
    /// `[control]`
    pub control: Control,
    /// `[events]`
    pub events: Events,
    /// `[export.prometheus]`
    pub prometheus: Prometheus,
    /// `[export.kafka]`
    pub kafka: Kafka,
    /// `[export.otlp]`
    pub otlp: Otlp,
    /// `[export.remote_write]`
    pub remote_write: RemoteWrite,
    /// `[export.logs]`
    pub logs: Logs,
    /// `[probe.NAME]`, by REST name.
    pub probes: BTreeMap<String, ProbeConfig>,
    /// `gala-gopher-app.conf`: the scope of probes that set none. `None` without the file or with an empty one.
    pub whitelist: Option<Scope>,
}

impl Config {
    /// The scope that holds for a probe: its own, and of the whitelist what its own leaves open; `None` when neither
    /// file sets one.
    #[must_use]
    pub fn scope_of(&self, probe: &str) -> Option<Scope> {
        let whitelist = self.whitelist.as_ref();
        match self.probes.get(probe).and_then(|probe| probe.scope.as_ref()) {
            Some(own) => Some(own.over(whitelist)),
            None => whitelist.cloned(),
        }
    }
}

/// `[agent]`: where the agent lives and how it speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Lock file and sockets.
    pub run_dir: PathBuf,
    /// What must survive a restart.
    pub state_dir: PathBuf,
    /// Least severe level that is logged.
    pub log_level: LogLevel,
    /// Shape of a log line.
    pub log_format: LogFormat,
    /// Value of the label `hostname`; empty = the host's own name.
    pub hostname: String,
    /// Labels added to every series.
    pub labels: BTreeMap<String, String>,
    /// User of the probes that ask for no privilege.
    pub probe_user: String,
    /// Where the host's root directory is seen; `/` outside containers.
    pub host_path: PathBuf,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            run_dir: "/run/gala-gopher".into(),
            state_dir: "/var/lib/gala-gopher".into(),
            log_level: LogLevel::Info,
            log_format: LogFormat::Text,
            hostname: String::new(),
            labels: BTreeMap::new(),
            probe_user: "nobody".into(),
            host_path: "/".into(),
        }
    }
}

/// Severity of log lines, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something needs attention.
    Warn,
    /// What an operator wants to see.
    Info,
    /// What a developer wants to see.
    Debug,
    /// Everything.
    Trace,
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[folders]`: where probe folders are looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Folders {
    /// Folders of built-in probe folders.
    pub probes: Vec<PathBuf>,
    /// Folders of extend probe folders.
    pub extend: Vec<PathBuf>,
    /// Capabilities that extend probes may ask for.
    pub extend_privileges: Vec<String>,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            probes: vec!["/usr/libexec/gala-gopher/probes".into()],
            extend: vec![
                "/usr/libexec/gala-gopher/extend-probes".into(),
                "/etc/gala-gopher/extend-probes".into(),
            ],
            extend_privileges: Vec::new(),
        }
    }
}

/// `[store]`: how long series live and how many there may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// Life of a series after its last row.
    pub record_timeout: Duration,
    /// Most series of one table.
    pub series_per_table: u64,
    /// Most series of all tables together.
    pub series_total: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self { record_timeout: Duration::from_secs(60), series_per_table: 200_000, series_total: 1_000_000 }
    }
}

/// `[probe.NAME]`: what is asked of one probe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProbeConfig {
    /// Whether it runs.
    pub state: ProbeState,
    /// Items that are on; `None` = all.
    pub items: Option<Vec<String>>,
    /// Parameters in the units of the manifest; each is a number, a string or a list of these.
    pub params: BTreeMap<String, Value>,
    /// What the probe observes; `None` = the whitelist.
    pub scope: Option<Scope>,
}

/// Whether a probe runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProbeState {
    /// As its manifest's `autostart` says.
    #[default]
    Auto,
    /// Runs.
    Running,
    /// Does not run.
    Stopped,
}
