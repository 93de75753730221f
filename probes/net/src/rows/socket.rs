//! Rows of `endpoint_tcp` and `endpoint_udp`.

use probe_sdk::Context;

use super::events;
use super::field::{SOURCE, address, comm, histogram, known_address, role};
use crate::programs::Bounds;
use crate::skeleton::types;
use crate::skeleton::types::endpoint_count;

/// Fields that are counters in the kernel, by their names.
const COUNTERS: [(&str, endpoint_count); 13] = [
    ("listendrop", endpoint_count::ENDPOINT_LISTEN_DROPS),
    ("accept_overflow", endpoint_count::ENDPOINT_ACCEPT_OVERFLOW),
    ("syn_overflow", endpoint_count::ENDPOINT_SYN_OVERFLOW),
    ("passive_open", endpoint_count::ENDPOINT_PASSIVE_OPEN),
    ("passive_open_failed", endpoint_count::ENDPOINT_PASSIVE_FAILED),
    ("retran_synacks", endpoint_count::ENDPOINT_RETRANS_SYNACK),
    ("retran_syn", endpoint_count::ENDPOINT_RETRANS_SYN),
    ("req_drops", endpoint_count::ENDPOINT_REQUEST_DROPS),
    ("active_open", endpoint_count::ENDPOINT_ACTIVE_OPEN),
    ("active_open_failed", endpoint_count::ENDPOINT_ACTIVE_FAILED),
    ("syn_sent", endpoint_count::ENDPOINT_SYN_SENT),
    ("syn_drop", endpoint_count::ENDPOINT_SYN_DROP),
    ("synack_sent", endpoint_count::ENDPOINT_SYNACK_SENT),
];

impl types::endpoint {
    pub(crate) fn count(&self, which: endpoint_count) -> u64 {
        self.counts.get(which.0 as usize).copied().unwrap_or(0)
    }
}

pub(super) fn write(
    ctx: &mut Context,
    bounds: &Bounds,
    key: &types::flow_key,
    endpoint: &types::endpoint,
) -> anyhow::Result<()> {
    let latency = histogram(&bounds.latency, &endpoint.latency);
    let comm = comm(&endpoint.comm);
    let mut row = ctx
        .row("endpoint_tcp")?
        .set("tgid", key.tgid)
        .set("comm", &comm)
        .set("role", role(key))
        .set("client_ip", &known_address(key.family, &key.client))
        .set("server_ip", &address(key.family, &key.server))
        .set("server_port", key.server_port)
        .set("protocol", key.family);
    for (name, which) in COUNTERS {
        row = row.set(name, endpoint.count(which));
    }
    row.set("estab_latency", latency.as_ref()).set("source", SOURCE).send()?;
    events::raise_endpoint(ctx, key, endpoint, &comm)
}

pub(super) fn write_udp(
    ctx: &mut Context,
    key: &types::flow_key,
    datagrams: &types::datagrams,
) -> anyhow::Result<()> {
    ctx.row("endpoint_udp")?
        .set("tgid", key.tgid)
        .set("comm", &comm(&datagrams.comm))
        .set("local_ip", &known_address(key.family, &key.client))
        .set("local_port", key.client_port)
        .set("remote_ip", &known_address(key.family, &key.server))
        .set("remote_port", key.server_port)
        .set("protocol", key.family)
        .set("udp_rcv_drops", datagrams.dropped)
        .set("bind_sends", datagrams.sent)
        .set("bind_rcvs", datagrams.received)
        .set("source", SOURCE)
        .send()?;
    Ok(())
}
