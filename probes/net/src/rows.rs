//! Rows of a period's sums.

mod events;
mod field;
mod socket;
mod tcp;

use std::collections::BTreeSet;

use probe_sdk::{Context, Running};

pub(crate) use self::field::{histogram, ip, share};
pub(crate) use self::tcp::HISTOGRAMS;
use crate::programs::Programs;
use crate::services::Services;
use crate::skeleton::types;

/// Ends the period: writes its rows, and the events that their values raise.
pub(crate) fn write(
    ctx: &mut Context,
    programs: &mut Programs,
    services: &mut Services,
) -> anyhow::Result<()> {
    let (tcp, socket) = (Selected::of(ctx, "tcp"), Selected::of(ctx, "socket"));
    let by_client_port = ctx.param_u64("report_cport") == Some(1);
    let bounds = &programs.bounds;
    services.end(&mut programs.flows, by_client_port, |key, flow| match selects(&tcp, key) {
        true => tcp::write(ctx, bounds, key, flow),
        false => Ok(()),
    })?;
    programs.waits.end(|key, delays| match selects(&tcp, key) {
        true => tcp::write_delays(ctx, bounds, key, delays),
        false => Ok(()),
    })?;
    services.end(&mut programs.endpoints, false, |key, endpoint| match selects(&socket, key) {
        true => socket::write(ctx, bounds, key, endpoint),
        false => Ok(()),
    })?;
    programs.udp.end(|key, datagrams| match selects(&socket, key) {
        true => socket::write_udp(ctx, key, datagrams),
        false => Ok(()),
    })
}

fn selects(selected: &Option<Selected>, key: &types::flow_key) -> bool {
    selected.as_ref().is_some_and(|selected| selected.has(key.tgid))
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
