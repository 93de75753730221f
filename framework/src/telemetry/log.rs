//! The agent's log: one line per record on stderr, where systemd and container runtimes look for it.
//!
//! Where stderr is the journal's, a line begins with its priority, and a text has no time: the journal adds its own.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::journal::{self, Prioritized};

/// The target of lines about who asked for which change, and what became of it.
pub const AUDIT: &str = "audit";

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, text, `key=value`.
    Text,
    /// One JSON object per line.
    Json,
}

/// Changes the level of the running log.
pub type Level = reload::Handle<EnvFilter, Registry>;

/// Starts the log. `level` is one of error, warn, info, debug, trace.
///
/// # Errors
/// When the level is none, or a log was started before.
pub fn init(level: &str, format: Format) -> anyhow::Result<Level> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    match (format, journal::is_stderr()) {
        (Format::Text, false) => registry.with(layer).try_init(),
        (Format::Text, true) => registry.with(layer.without_time().map_event_format(Prioritized)).try_init(),
        (Format::Json, false) => registry.with(layer.json().flatten_event(true)).try_init(),
        (Format::Json, true) => {
            registry.with(layer.json().flatten_event(true).map_event_format(Prioritized)).try_init()
        }
    }
    .context("starting the log")?;
    Ok(handle)
}

/// Sets another level.
///
/// # Errors
/// When the level is none.
pub fn set_level(handle: &Level, level: &str) -> anyhow::Result<()> {
    handle.reload(filter(level)?).context("changing the log level")
}

/// Who changed what is logged at every level.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    Ok(EnvFilter::try_new(format!("{level},{AUDIT}=info"))?)
}
