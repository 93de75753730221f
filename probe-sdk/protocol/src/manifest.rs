//! `probe.toml`: what a probe folder runs, serves and writes.

mod check;
mod raw;
mod units;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

pub use self::units::{parse_percent, parse_size};
use crate::table::{Table, Tables};

/// A checked manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The folder's name, `[a-z][a-z0-9_-]{0,31}`.
    pub name: String,
    /// argv; the first is a file in the folder.
    pub exec: Vec<String>,
    /// How the process learns of a new configuration.
    pub reconfigure: Reconfigure,
    /// What of the agent it works for, beside or instead of operators.
    pub feeds: Option<Feeds>,
    /// Linux capabilities, `CAP_…`, without which it cannot work. What is neither here nor below is dropped.
    pub privileges: Vec<String>,
    /// Linux capabilities that it keeps where the agent has them, and works with less without.
    pub optional_privileges: Vec<String>,
    /// What the process may use.
    pub limits: Limits,
    /// The probes (REST names) that it serves, at least one.
    pub probes: Vec<Probe>,
    /// The tables that it writes.
    pub tables: Vec<Arc<Table>>,
}

/// How a process learns of a new configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reconfigure {
    /// A line on stdin.
    #[default]
    Stdin,
    /// A restart when items or parameters change; the scope is replaced in the file `GOPHER_CONFIG_FILE`.
    Restart,
}

/// What of the agent a process works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feeds {
    /// Scopes, with news of processes. It runs while a scope follows processes, unless the configuration says otherwise.
    Scopes,
}

/// What a process may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// CPU in percent of one core.
    pub cpu: Option<f64>,
    /// Rows accepted a second; more are read and counted as dropped.
    pub rows_per_second: u32,
    /// Keys kept over all tables of the folder.
    pub series: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: Some(256 << 20), cpu: None, rows_per_second: 50_000, series: 50_000 }
    }
}

/// One probe: what an operator switches by one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The REST name.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Runs as soon as it is found, unless the configuration says otherwise.
    pub autostart: bool,
    /// What snoopers select; empty = the whole host.
    pub scope: Vec<ScopeKind>,
    /// Sub-features that can be on or off.
    pub items: Vec<Item>,
    /// Parameters that it honours.
    pub params: BTreeMap<String, Param>,
}

/// What a scope can select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeKind {
    /// Processes.
    Process,
    /// Containers.
    Container,
    /// Pods.
    Pod,
}

/// A sub-feature of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The name in `cmd.probe`.
    pub name: String,
    /// One sentence.
    pub summary: String,
}

/// A parameter of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The value where nothing is set: a number, a string or an array of strings.
    pub default: Value,
    /// Smallest and largest number.
    pub range: Option<(f64, f64)>,
    /// The strings that are allowed; empty = any.
    pub choices: Vec<String>,
    /// Unit of a number.
    pub unit: Option<String>,
    /// One sentence.
    pub summary: String,
}

/// What is wrong with a manifest, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line from 1; 0 when it concerns the whole file.
    pub line: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.reason)
        } else {
            write!(f, "line {}: {}", self.line, self.reason)
        }
    }
}

impl Manifest {
    /// Parses and checks the text of a `probe.toml`.
    ///
    /// # Errors
    /// Every problem that was found; a file that is not TOML of the right form gives one.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let raw: raw::Manifest = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| line_of(text, span.start));
            vec![Problem { line, reason: error.message().to_owned() }]
        })?;
        check::manifest(text, raw)
    }

    /// The tables as the decoder wants them.
    #[must_use]
    pub fn tables(&self) -> Tables {
        Tables::new(self.tables.clone())
    }

    /// A probe by its REST name.
    #[must_use]
    pub fn probe(&self, name: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.name == name)
    }
}

impl Param {
    /// Checks a value against type, range and choices.
    ///
    /// # Errors
    /// What would be allowed, in words.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        check::param_value(self, value)
    }

    /// What is allowed, in words: `a number from 5 to 600 (s)`.
    #[must_use]
    pub fn allowed(&self) -> String {
        check::allowed(self)
    }
}

/// The line, from 1, of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..end]).count()
}

#[cfg(test)]
mod tests;
