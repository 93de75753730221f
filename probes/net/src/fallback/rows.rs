//! Rows of a period's sums.

use std::collections::HashMap;
use std::net::IpAddr;

use probe_sdk::Context;

use super::capabilities::SOURCE;
use super::host::Host;
use super::sums::{DatagramKey, Endpoint, Flow, Key, Role};
use crate::programs::Bounds;
use crate::rows::{HISTOGRAMS, Selected, histogram, share};

/// Families as the kernel numbers them.
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Writes all rows.
pub(crate) fn write(ctx: &mut Context, host: &Host) -> anyhow::Result<()> {
    let sums = &host.sums;
    let mut names = Names { host, known: HashMap::new() };
    if let Some(selected) = Selected::of(ctx, "tcp") {
        for (key, sum) in sums.flows.iter().filter(|(key, _)| selected.has(key.tgid)) {
            flow(ctx, &host.bounds, (key, sum), names.of(key.tgid))?;
        }
    }
    if let Some(selected) = Selected::of(ctx, "socket") {
        for (key, sum) in sums.endpoints.iter().filter(|(key, _)| selected.has(key.tgid)) {
            endpoint(ctx, key, sum, names.of(key.tgid))?;
        }
        for (key, dropped) in sums.datagrams.iter().filter(|(key, _)| selected.has(key.tgid)) {
            datagrams(ctx, key, *dropped, names.of(key.tgid))?;
        }
    }
    Ok(())
}

/// Names of processes, each read once.
struct Names<'a> {
    host: &'a Host,
    known: HashMap<u32, String>,
}

impl Names<'_> {
    fn of(&mut self, tgid: u32) -> &str {
        self.known.entry(tgid).or_insert_with(|| self.host.processes.name(tgid))
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

fn family(address: IpAddr) -> u16 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

/// Empty where there is none.
fn text(address: Option<IpAddr>) -> String {
    address.map(|address| address.to_string()).unwrap_or_default()
}

fn flow(ctx: &mut Context, bounds: &Bounds, (key, flow): (&Key, &Flow), comm: &str) -> anyhow::Result<()> {
    let mut row = ctx
        .row("tcp_metric")?
        .set("tgid", key.tgid)
        .set("comm", comm)
        .set("role", role(key.role))
        .set("client_ip", &text(key.client))
        .set("server_ip", &key.server.to_string())
        .set("client_port", key.client_port)
        .set("server_port", key.server_port)
        .set("protocol", family(key.server));
    for (name, value) in [
        ("rx_bytes", flow.rx_bytes),
        ("tx_bytes", flow.tx_bytes),
        ("segs_in", flow.segs_in),
        ("segs_out", flow.segs_out),
        ("zero_rcv_wnd_count", flow.rcv_looks.count()),
        ("zero_snd_wnd_count", flow.snd_looks.count()),
        ("retran_packets", flow.retrans),
        ("sk_drops", flow.drops),
        ("lost_out", flow.lost),
    ] {
        row = row.set(name, value);
    }
    for (name, which) in HISTOGRAMS {
        let of = flow.measures.get(which.0 as usize).zip(bounds.of.get(which.0 as usize));
        row = row.set(name, of.and_then(|(measure, bounds)| histogram(bounds, measure)).as_ref());
    }
    let again = flow.retrans.zip(flow.segs_out);
    row.set("sacked_out", flow.sacked)
        .set("zero_win_rx_ratio", flow.rcv_looks.share())
        .set("zero_win_tx_ratio", flow.snd_looks.share())
        .set("retrans_ratio", again.and_then(|(again, sent)| share(again, sent)))
        .set("source", SOURCE)
        .send()?;
    Ok(())
}

fn endpoint(ctx: &mut Context, key: &Key, endpoint: &Endpoint, comm: &str) -> anyhow::Result<()> {
    ctx.row("endpoint_tcp")?
        .set("tgid", key.tgid)
        .set("comm", comm)
        .set("role", role(key.role))
        .set("client_ip", &text(key.client))
        .set("server_ip", &key.server.to_string())
        .set("server_port", key.server_port)
        .set("protocol", family(key.server))
        .set("listendrop", endpoint.listen_drops)
        .set("accept_overflow", endpoint.accept_overflow)
        .set("syn_overflow", endpoint.syn_overflow)
        .set("passive_open", endpoint.passive_open)
        .set("retran_syn", endpoint.retran_syn)
        .set("active_open", endpoint.active_open)
        .set("source", SOURCE)
        .send()?;
    Ok(())
}

fn datagrams(ctx: &mut Context, key: &DatagramKey, dropped: u64, comm: &str) -> anyhow::Result<()> {
    let local = (!key.local.is_unspecified()).then_some(key.local);
    ctx.row("endpoint_udp")?
        .set("tgid", key.tgid)
        .set("comm", comm)
        .set("local_ip", &text(local))
        .set("local_port", key.local_port)
        .set("remote_ip", &text(key.remote))
        .set("remote_port", key.remote_port)
        .set("protocol", family(key.local))
        .set("udp_rcv_drop_datagrams", dropped)
        .set("source", SOURCE)
        .send()?;
    Ok(())
}
