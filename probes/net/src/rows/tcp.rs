//! Rows of `tcp_metric` and `proc_flow_perf`.

use probe_sdk::Context;

use super::events;
use super::field::{SOURCE, address, comm, histogram, known_address, role, share};
use crate::programs::Bounds;
use crate::skeleton::types;
use crate::skeleton::types::{count, measure};

/// Fields that are counters in the kernel, by their names.
const COUNTERS: [(&str, count); 16] = [
    ("rx_bytes", count::COUNT_RX_BYTES),
    ("tx_bytes", count::COUNT_TX_BYTES),
    ("segs_in", count::COUNT_SEGS_IN),
    ("segs_out", count::COUNT_SEGS_OUT),
    ("zero_rcv_wnd_count", count::COUNT_ZERO_RCV_WND),
    ("zero_snd_wnd_count", count::COUNT_ZERO_SND_WND),
    ("retran_packets", count::COUNT_RETRANS),
    ("backlog_drops", count::COUNT_BACKLOG_DROPS),
    ("sk_drops", count::COUNT_SK_DROPS),
    ("lost_out", count::COUNT_LOST),
    ("filter_drops", count::COUNT_FILTER_DROPS),
    ("tmout_count", count::COUNT_TIMEOUTS),
    ("snd_buf_limit_count", count::COUNT_SND_LIMIT),
    ("rmem_scheduls", count::COUNT_RCV_LIMIT),
    ("tcp_oom", count::COUNT_OOM),
    ("send_rsts", count::COUNT_RESETS_SENT),
];

/// Fields that are histograms in the kernel, by their names.
pub(crate) const HISTOGRAMS: [(&str, measure); 14] = [
    ("srtt", measure::MEASURE_SRTT),
    ("rcv_rtt", measure::MEASURE_RCV_RTT),
    ("snd_cwnd", measure::MEASURE_SND_CWND),
    ("notsent_bytes", measure::MEASURE_NOTSENT),
    ("notack_bytes", measure::MEASURE_NOTACK),
    ("reordering", measure::MEASURE_REORDERING),
    ("snd_wnd", measure::MEASURE_SND_WND),
    ("rcv_wnd", measure::MEASURE_RCV_WND),
    ("avl_snd_wnd", measure::MEASURE_AVL_SND_WND),
    ("rto", measure::MEASURE_RTO),
    ("ato", measure::MEASURE_ATO),
    ("syn_srtt", measure::MEASURE_SYN_SRTT),
    ("sk_rcvbuf", measure::MEASURE_RCVBUF),
    ("sk_sndbuf", measure::MEASURE_SNDBUF),
];

impl types::flow {
    /// A counter of the period. One that a race made negative, by the peer's FIN, is 0.
    pub(crate) fn count(&self, which: count) -> u64 {
        let value = self.counts.get(which.0 as usize).copied().unwrap_or(0);
        if i64::try_from(value).is_err() { 0 } else { value }
    }

    pub(crate) fn measure(&self, which: measure) -> types::histogram {
        self.measures.get(which.0 as usize).copied().unwrap_or_default()
    }

    /// Shares of looks without a window of ours, and without one of the peer's.
    pub(crate) fn zero_windows(&self) -> (Option<f64>, Option<f64>) {
        let looks = self.count(count::COUNT_LOOKS);
        let of = |which| share(self.count(which), looks);
        (of(count::COUNT_ZERO_RCV_WND), of(count::COUNT_ZERO_SND_WND))
    }
}

pub(super) fn write(
    ctx: &mut Context,
    bounds: &Bounds,
    key: &types::flow_key,
    flow: &types::flow,
) -> anyhow::Result<()> {
    let comm = comm(&flow.comm);
    let (client, server) = (known_address(key.family, &key.client), known_address(key.family, &key.server));
    let (zero_rx, zero_tx) = flow.zero_windows();
    let retrans = flow.count(count::COUNT_RETRANS);
    let mut row = ctx
        .row("tcp_metric")?
        .set("tgid", key.tgid)
        .set("comm", &comm)
        .set("role", role(key))
        .set("client_ip", &client)
        .set("server_ip", &server)
        .set("client_port", key.client_port)
        .set("server_port", key.server_port)
        .set("protocol", key.family);
    for (name, which) in COUNTERS {
        row = row.set(name, flow.count(which));
    }
    for (name, which) in HISTOGRAMS {
        let bounds = bounds.of.get(which.0 as usize).unwrap_or(&bounds.delay);
        row = row.set(name, histogram(bounds, &flow.measure(which)).as_ref());
    }
    row.set("receive_rsts", flow.count(count::COUNT_RESETS_RECEIVED))
        .set("zero_win_rx_ratio", zero_rx)
        .set("zero_win_tx_ratio", zero_tx)
        .set("sacked_out", flow.sacked_max)
        .set("retrans_ratio", share(retrans, flow.count(count::COUNT_SEGS_OUT)))
        .set("source", SOURCE)
        .send()?;
    events::raise(ctx, key, flow, &comm)
}

pub(super) fn write_delays(
    ctx: &mut Context,
    bounds: &Bounds,
    key: &types::flow_key,
    delays: &types::delays,
) -> anyhow::Result<()> {
    let peer = if role(key) == "server" { &key.client } else { &key.server };
    let sys = histogram(&bounds.delay, &delays.sys);
    let net = histogram(&bounds.delay, &delays.net);
    ctx.row("proc_flow_perf")?
        .set("tgid", key.tgid)
        .set("role", role(key))
        .set("remote_ip", &address(key.family, peer))
        .set("server_port", key.server_port)
        .set("sys_delay", sys.as_ref())
        .set("net_delay", net.as_ref())
        .set("source", SOURCE)
        .send()?;
    Ok(())
}
