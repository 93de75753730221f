//! `[export.logs]`: files of JSON lines.

use std::path::PathBuf;

use crate::config::keys::{Key, PATH, Section, key};
use crate::config::kind::{Field, Kind};
use crate::config::model::{Config, Size};
use crate::config::setting::{Setting, assign};

/// The settings of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// Whether anything is written.
    pub enabled: bool,
    /// Where the files are; made where it is missing.
    pub directory: PathBuf,
    /// Whether rows are written.
    pub metrics: bool,
    /// Whether events and log records are written.
    pub events: bool,
    /// Whether descriptions of tables are written.
    pub metadata: bool,
    /// Bytes of a file at which the next one begins.
    pub file_size: Size,
    /// Files of each kind, the one that is written included.
    pub files: u32,
    /// Rows and events that may wait.
    pub queue: u64,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            enabled: false,
            directory: "/var/log/gala-gopher".into(),
            metrics: false,
            events: true,
            metadata: true,
            file_size: Size(50 << 20),
            files: 5,
            queue: 100_000,
        }
    }
}

/// The section.
pub const SECTION: Section = Section {
    name: "export.logs",
    doc: "Files of JSON lines: metrics.jsonl, events.jsonl and metadata.jsonl.",
    keys: KEYS,
    check: |_| Vec::new(),
};

const KEYS: &[Key<Config>] = &[
    key!("enabled", logs.enabled, Kind::Bool, "Whether files are written."),
    key!("directory", logs.directory, PATH, "Where they are; it is made where it is missing."),
    key!("metrics", logs.metrics, Kind::Bool, "Whether every row is written."),
    key!("events", logs.events, Kind::Bool, "Whether every event and log record is written."),
    key!("metadata", logs.metadata, Kind::Bool, "Whether tables are described."),
    key!(
        "file_size",
        logs.file_size,
        Kind::Size(4 << 10, 1 << 40),
        "Size at which a file is renamed to NAME.1 and the next one begins."
    ),
    key!(
        "files",
        logs.files,
        Kind::Integer(2, 1000),
        "Most files of each name, the one that is written included; the oldest goes."
    ),
    key!(
        "queue",
        logs.queue,
        Kind::Integer(1, 10_000_000),
        "Rows and events that may wait, as while the disk is full; further ones are dropped and counted."
    ),
];
