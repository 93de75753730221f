//! Events: what is said of a flow or of a listener when a value is above its threshold.

use probe_sdk::protocol::event::Event;
use probe_sdk::{Context, Running};

use super::field::{known_address, role};
use crate::skeleton::types;
use crate::skeleton::types::{count, endpoint_count, measure};

/// A value that raises an event: metric, texts in both languages with `{}` for the value.
struct Wording {
    metric: &'static str,
    english: &'static str,
    chinese: &'static str,
}

const fn wording(metric: &'static str, english: &'static str, chinese: &'static str) -> Wording {
    Wording { metric, english, chinese }
}

/// Flow counters whose threshold is `drops_thr`.
const DROPS: [(count, Wording); 4] = [
    (
        count::COUNT_BACKLOG_DROPS,
        wording("backlog_drops", "TCP backlog queue drops({}).", "TCP 后备队列丢包（{}）。"),
    ),
    (count::COUNT_FILTER_DROPS, wording("filter_drops", "TCP filter drops({}).", "TCP 过滤器丢包（{}）。")),
    (
        count::COUNT_SK_DROPS,
        wording(
            "sk_drops",
            "Number of lost packets in the TCP protocol stack({}).",
            "TCP 套接字丢包（{}）。",
        ),
    ),
    (
        count::COUNT_LOST,
        wording("lost_out", "Number of lost segments of TCP({}).", "TCP 丢失的报文段（{}）。"),
    ),
];
const SACKED: Wording =
    wording("sacked_out", "Number of out-of-order TCP packets({}).", "TCP 乱序确认的报文段（{}）。");
const OOM: Wording = wording("tcp_oom", "TCP out of memory({}).", "TCP 内存不足（{}）。");
const ZERO_RX: Wording =
    wording("zero_win_rx_ratio", "TCP zero receive windows({}%).", "TCP 接收窗口为零（{}%）。");
const ZERO_TX: Wording =
    wording("zero_win_tx_ratio", "TCP zero send windows({}%).", "TCP 发送窗口为零（{}%）。");
const HANDSHAKE: Wording =
    wording("syn_srtt_max", "TCP connection establish timed out({} us).", "TCP 建连时延过高（{} 微秒）。");

/// Endpoint counters of which any raises an event.
const ENDPOINTS: [(endpoint_count, Wording); 5] = [
    (
        endpoint_count::ENDPOINT_LISTEN_DROPS,
        wording("listendrop", "TCP listen drops({}).", "TCP 监听队列丢弃（{}）。"),
    ),
    (
        endpoint_count::ENDPOINT_ACCEPT_OVERFLOW,
        wording("accept_overflow", "TCP accept queue overflow({}).", "TCP 全连接队列溢出（{}）。"),
    ),
    (
        endpoint_count::ENDPOINT_SYN_OVERFLOW,
        wording("syn_overflow", "TCP syn queue overflow({}).", "TCP 半连接队列溢出（{}）。"),
    ),
    (
        endpoint_count::ENDPOINT_RETRANS_SYNACK,
        wording("retran_synacks", "TCP retransmitted synack packets({}).", "TCP 重传 SYN+ACK（{}）。"),
    ),
    (
        endpoint_count::ENDPOINT_REQUEST_DROPS,
        wording("req_drops", "TCP request drops({}).", "TCP 连接请求丢弃（{}）。"),
    ),
];

/// The connections or the listener that an event is about.
struct Subject<'a> {
    entity: &'static str,
    key: &'a types::flow_key,
    comm: &'a str,
}

/// Raises the events of a flow.
pub(super) fn raise(
    ctx: &mut Context,
    key: &types::flow_key,
    flow: &types::flow,
    comm: &str,
) -> anyhow::Result<()> {
    let Some(thresholds) = ctx.config().probe("tcp").and_then(|probe| Thresholds::of(&probe)) else {
        return Ok(());
    };
    let subject = Subject { entity: "tcp_link", key, comm };
    for (which, wording) in &DROPS {
        thresholds.drops(ctx, &subject, wording, flow.count(*which))?;
    }
    thresholds.drops(ctx, &subject, &SACKED, flow.sacked_max)?;
    let oom = flow.count(count::COUNT_OOM);
    if oom > 0 {
        tell(ctx, &subject, &OOM, &oom.to_string())?;
    }
    let (rx, tx) = flow.zero_windows();
    for (wording, share) in [(&ZERO_RX, rx), (&ZERO_TX, tx)] {
        let percent = share.unwrap_or(0.0) * 100.0;
        if thresholds.upper > 0.0 && percent > thresholds.upper {
            tell(ctx, &subject, wording, &format!("{percent:.2}"))?;
        }
    }
    let handshake = flow.measure(measure::MEASURE_SYN_SRTT).max;
    if thresholds.latency_us > 0 && handshake > thresholds.latency_us {
        tell(ctx, &subject, &HANDSHAKE, &handshake.to_string())?;
    }
    Ok(())
}

/// Raises the events of a listener or of a pair of addresses.
pub(super) fn raise_endpoint(
    ctx: &mut Context,
    key: &types::flow_key,
    endpoint: &types::endpoint,
    comm: &str,
) -> anyhow::Result<()> {
    if ctx.config().probe("socket").and_then(|probe| Thresholds::of(&probe)).is_none() {
        return Ok(());
    }
    let subject = Subject { entity: "endpoint_tcp", key, comm };
    for (which, wording) in &ENDPOINTS {
        let value = endpoint.count(*which);
        if value > 0 {
            tell(ctx, &subject, wording, &value.to_string())?;
        }
    }
    Ok(())
}

/// What the operator has set; 0 is no threshold.
struct Thresholds {
    drops: u64,
    upper: f64,
    latency_us: u64,
}

impl Thresholds {
    /// `None` without `report_event`.
    fn of(probe: &Running<'_>) -> Option<Self> {
        (probe.param_u64("report_event") == Some(1)).then(|| Self {
            drops: probe.param_u64("drops_thr").unwrap_or(0),
            upper: probe.param_f64("res_upper_thr").unwrap_or(0.0),
            latency_us: probe.param_u64("latency_thr").unwrap_or(0) * 1000,
        })
    }

    fn drops(
        &self,
        ctx: &mut Context,
        subject: &Subject<'_>,
        wording: &Wording,
        value: u64,
    ) -> anyhow::Result<()> {
        if self.drops == 0 || value <= self.drops {
            return Ok(());
        }
        tell(ctx, subject, wording, &value.to_string())
    }
}

fn tell(ctx: &mut Context, subject: &Subject<'_>, wording: &Wording, value: &str) -> anyhow::Result<()> {
    let key = subject.key;
    let (client, server) = (known_address(key.family, &key.client), known_address(key.family, &key.server));
    let chinese = std::env::var("GOPHER_LANGUAGE").is_ok_and(|language| language == "zh");
    let text = if chinese { wording.chinese } else { wording.english };
    ctx.event(&Event {
        entity: subject.entity,
        entity_id: &format!(
            "{}_{}_{client}_{server}_{}_{}",
            key.tgid,
            role(key),
            key.server_port,
            key.family
        ),
        metric: wording.metric,
        pid: &key.tgid.to_string(),
        comm: subject.comm,
        ip: &format!("CIP({client}), SIP({server}:{})", key.server_port),
        container_id: "",
        pod_id: "",
        device: "",
        severity_text: "WARN",
        severity_number: 13,
        body: &text.replacen("{}", value, 1),
    })?;
    Ok(())
}
