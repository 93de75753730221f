//! The agent's log: one line per record on stderr, where systemd and container runtimes look for it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, text, `key=value`.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts the log. `level` is one of error, warn, info, debug, trace.
///
/// # Errors
/// When the level is none, or a log was started before.
pub fn init(level: &str, format: Format) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let started = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("starting the log: {error}"))
}
