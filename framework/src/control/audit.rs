//! The audit log: who asked for which change, from where, and what became of it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;

use super::auth::Caller;
use crate::sync::lock;
use crate::telemetry::AUDIT;

/// Lines about requests that changed nothing in one [`PERIOD`]: anybody can cause them.
const LINES: u32 = 20;
/// See [`LINES`].
const PERIOD: Duration = Duration::from_secs(10);
/// Most bytes of a request's address that are shown.
const SHOWN: usize = 200;

/// What a request asks for: method and address.
#[derive(Debug)]
pub(super) struct Asked(String);

impl Asked {
    pub(super) fn of(request: &Request) -> Self {
        // A URI is ASCII.
        let path = request.uri().path();
        Self(format!("{} {}", request.method(), path.get(..SHOWN).unwrap_or(path)))
    }
}

/// Writes the lines about requests that changed nothing.
#[derive(Debug, Default)]
pub(super) struct Audit(Mutex<Period>);

#[derive(Debug, Default)]
struct Period {
    since: Option<Instant>,
    lines: u32,
    silent: u64,
}

impl Audit {
    /// Says that a request was refused or failed; says how many of them it did not say.
    pub(super) fn refused(&self, asked: &Asked, caller: &Caller, status: StatusCode, reason: &str) {
        let Some(silent) = lock(&self.0).take(Instant::now()) else { return };
        let (request, status) = (asked.0.as_str(), status.as_u16());
        let Caller { who, from } = caller;
        tracing::warn!(target: AUDIT, who, from, request, result = "refused", status, reason, "Audit: nothing was changed.");
        if silent > 0 {
            tracing::warn!(target: AUDIT, lines = silent, "Audit: lines about refused requests were left out: too many.");
        }
    }
}

impl Period {
    /// How many were silent before this one; `None` where this one is.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now.duration_since(since) >= PERIOD) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines == LINES {
            self.silent += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.silent))
    }
}

/// Says that the settings of a probe were changed, or were already what was asked for; before anybody is told.
pub(crate) fn changed(caller: &Caller, probe: &str, changes: &str, persist: bool) {
    let Caller { who, from } = caller;
    if changes.is_empty() {
        tracing::info!(target: AUDIT, who, from, probe, persist, result = "unchanged", "Audit: it was so already.");
        return;
    }
    tracing::info!(target: AUDIT, who, from, probe, changes, persist, result = "done", "Audit: changed at run time.");
}

/// Says that a probe's process was restarted.
pub(super) fn restarted(caller: &Caller, probe: &str, folder: &str) {
    let Caller { who, from } = caller;
    tracing::info!(target: AUDIT, who, from, probe, folder, result = "done", "Audit: restarted.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_often_fills_no_log_and_is_counted() {
        let (mut period, start) = (Period::default(), Instant::now());
        for _ in 0..LINES {
            assert_eq!(period.take(start), Some(0));
        }
        assert_eq!(period.take(start), None);
        assert_eq!(period.take(start + PERIOD / 2), None);
        assert_eq!(period.take(start + PERIOD), Some(2));
    }
}
