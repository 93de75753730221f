//! Rows of a period's sums.

mod events;
mod field;
mod socket;
mod tcp;

use std::collections::BTreeSet;

use probe_sdk::{Context, Running};

pub(crate) use self::field::{histogram, ip, share};
pub(crate) use self::tcp::HISTOGRAMS;
use crate::programs::{Bounds, Sums};

/// Writes all rows, and the events that their values raise.
pub(crate) fn write(ctx: &mut Context, bounds: &Bounds, sums: &Sums) -> anyhow::Result<()> {
    if let Some(selected) = Selected::of(ctx, "tcp") {
        for (key, flow) in sums.flows.iter().filter(|(key, _)| selected.has(key.tgid)) {
            tcp::write(ctx, bounds, key, flow)?;
        }
        for (key, delays) in sums.waits.iter().filter(|(key, _)| selected.has(key.tgid)) {
            tcp::write_delays(ctx, bounds, key, delays)?;
        }
    }
    if let Some(selected) = Selected::of(ctx, "socket") {
        for (key, endpoint) in sums.endpoints.iter().filter(|(key, _)| selected.has(key.tgid)) {
            socket::write(ctx, bounds, key, endpoint)?;
        }
        for (key, datagrams) in sums.udp.iter().filter(|(key, _)| selected.has(key.tgid)) {
            socket::write_udp(ctx, key, datagrams)?;
        }
    }
    Ok(())
}

/// Whom one of the two probes observes; the programs observe whom either does.
pub(crate) struct Selected(Option<BTreeSet<u32>>);

impl Selected {
    /// `None` while the probe is off.
    pub(crate) fn of(ctx: &Context, probe: &str) -> Option<Self> {
        let scope = ctx.config().probe(probe).as_ref().map(Running::scope)?;
        let listed = || scope.processes.iter().map(|process| process.pid).collect();
        Some(Self((!scope.all).then(listed)))
    }

    /// Process 0 has what found no place of its own.
    pub(crate) fn has(&self, process: u32) -> bool {
        process == 0 || self.0.as_ref().is_none_or(|listed| listed.contains(&process))
    }
}
