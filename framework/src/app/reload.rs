//! A changed configuration at run time: what differs is applied, the rest is not touched.

use std::time::Duration;

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
pub(super) fn limits(config: &config::Config) -> store::Limits {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    store::Limits {
        record_timeout: millis(config.store.record_timeout),
        series_per_table: config.store.series_per_table,
        series_total: config.store.series_total,
        event_window: millis(config.events.dedup),
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
