//! A changed configuration at run time: what differs is applied, the rest is not touched.

use crate::config::{self, Changes, LogLevel};
use crate::store;

/// The level in the words of the log.
pub(super) fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

/// The store's bounds.
pub(super) fn limits(settings: &config::Store) -> store::Limits {
    store::Limits {
        record_timeout: u64::try_from(settings.record_timeout.as_millis()).unwrap_or(u64::MAX),
        series_per_table: settings.series_per_table,
        series_total: settings.series_total,
    }
}

/// Says in the log what a reload changes, key by key.
pub(super) fn report(changes: &Changes) {
    for change in &changes.keys {
        tracing::info!(%change, "Configuration changed.");
    }
    for (probe, keys) in &changes.probes {
        let keys = keys.iter().copied().collect::<Vec<_>>().join(", ");
        tracing::info!(probe, keys, "Configuration of a probe changed.");
    }
    if changes.whitelist {
        tracing::info!("The whitelist changed.");
    }
}
