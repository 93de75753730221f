//! What the fallback can tell, capability by capability, in place of the programs.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use gopher_netlink::sock_diag::{TcpInfo, Transport, dump};
use gopher_netlink::{Protocol, Socket};
use probe_bpf::Right;
use probe_sdk::protocol::notice::Capability;
use probe_sdk::{Context, Unsupported};

use self::How::{Absent, IfTold, Near};

/// What stands in the place of a hook.
pub(crate) const SOURCE: &str = "inet_diag";

const BETWEEN: &str = "those that begin and end between two looks are counted as lost, not seen";
const LATEST: &str = "what a connection does after the last look at it is missing";
const SHARED: &str = "told where it can be divided among the listeners of a network namespace";
const COUNT: &str = "datagrams are counted (udp_rcv_drop_datagrams), not their bytes (udp_rcv_drops)";

/// How a capability is served.
enum How {
    /// Nearly, for this reason.
    Near(&'static str),
    /// Not at all: these fields are absent.
    Absent(&'static str),
    /// As by eBPF where the kernel tells, which it does since this version; else these fields are absent.
    IfTold(fn(&TcpInfo) -> bool, &'static str, &'static str),
}

const SEEN: &str = "tcp_abnormal tcp_rtt tcp_windows tcp_rate tcp_sockbuf tcp_stats tcp_socket";
const COUNTED: &str = "tcp_abnormal tcp_rtt tcp_windows tcp_rate tcp_sockbuf tcp_stats";

/// By name: the items that need it, and how it is served.
const TOLD: &[(&str, &str, How)] = &[
    ("connections", SEEN, Near(BETWEEN)),
    ("counters", COUNTED, Near(LATEST)),
    ("bytes_sent", "tcp_stats", IfTold(|tcp| tcp.bytes_sent.is_some(), "4.19", "tx_bytes")),
    (
        "windows_of_peers",
        "tcp_windows",
        IfTold(
            |tcp| tcp.snd_wnd.is_some(),
            "5.4",
            "snd_wnd, avl_snd_wnd, zero_snd_wnd_count, zero_win_tx_ratio",
        ),
    ),
    (
        "own_windows",
        "tcp_windows",
        IfTold(|tcp| tcp.rcv_wnd.is_some(), "6.2", "rcv_wnd, zero_rcv_wnd_count, zero_win_rx_ratio"),
    ),
    ("time_outs", "tcp_abnormal", Absent("tmout_count")),
    ("resets_sent", "tcp_abnormal", Absent("send_rsts")),
    ("resets_received", "tcp_abnormal", Absent("receive_rsts")),
    ("out_of_memory", "tcp_abnormal", Absent("tcp_oom")),
    ("memory_limit", "tcp_abnormal", Absent("snd_buf_limit_count")),
    ("receive_memory", "tcp_abnormal", Absent("rmem_scheduls")),
    ("filter_drops", "tcp_abnormal", Absent("filter_drops")),
    ("backlog_drops", "tcp_abnormal", Absent("backlog_drops")),
    ("handshake_times", "tcp_srtt", Absent("syn_srtt")),
    ("delays", "tcp_delay", Absent("sys_delay, net_delay")),
    ("attempts", "tcp_socket", Absent("syn_sent, active_open_failed, passive_open_failed, estab_latency")),
    ("repeated_answers", "tcp_socket", Absent("retran_synacks")),
    ("request_drops", "tcp_socket", Absent("req_drops")),
    ("overflows", "tcp_socket", Near(SHARED)),
    ("answers", "tcp_socket", Absent("synack_sent")),
    ("unreached", "tcp_socket", Absent("syn_drop")),
    ("datagrams", "udp_socket", Absent("bind_sends, bind_rcvs")),
    ("datagram_drops", "udp_socket", Near(COUNT)),
];

/// What needs rights: its name, by what it is seen, what is absent without them, and which they are.
const RIGHTS: &[(&str, &str, &str, &[Right])] = &[
    (
        "other_users",
        "/proc",
        "processes of other users than the probe's",
        &[Right::SysPtrace, Right::DacReadSearch],
    ),
    ("other_namespaces", "setns", "processes in other network namespaces", &[Right::SysAdmin]),
];

/// Tells the agent. `why`: for what reason there is no eBPF.
///
/// # Errors
/// [`Unsupported`] where the kernel does not tell of sockets either; those of writing to the agent.
pub(crate) fn tell(ctx: &mut Context, why: &str) -> anyhow::Result<()> {
    let tcp = of_some_socket()
        .map_err(|error| Unsupported(format!("eBPF: {why}; {SOURCE}, in its place: {error}")))?;
    for (name, items, how) in TOLD {
        let (hook, fidelity, also) = served(how, tcp.as_ref());
        let refused = format!("{also}eBPF: {why}");
        ctx.capability(&Capability { name, items, hook, fidelity: &fidelity, refused: &refused })?;
    }
    for (name, seen_by, what, rights) in RIGHTS {
        let missing = probe_bpf::missing(rights);
        let absent = format!("absent: {what}");
        let (hook, fidelity) = if missing.is_some() { ("", absent.as_str()) } else { (*seen_by, "exact") };
        let refused = missing.map(|missing| format!("{seen_by}: {missing}")).unwrap_or_default();
        ctx.capability(&Capability { name, items: "", hook, fidelity, refused: &refused })?;
    }
    Ok(())
}

/// Hook, fidelity, and what is to be said before why there is no eBPF.
fn served(how: &How, tcp: Option<&TcpInfo>) -> (&'static str, String, String) {
    match how {
        Near(why) => (SOURCE, format!("approximate: {why}"), String::new()),
        IfTold(tells, ..) if tcp.is_none_or(tells) => (SOURCE, "exact".to_owned(), String::new()),
        IfTold(_, since, fields) => {
            ("", format!("absent: {fields}"), format!("{SOURCE}: tells that since Linux {since}; "))
        }
        Absent(fields) => ("", format!("absent: {fields}"), String::new()),
    }
}

/// What the kernel tells of a TCP socket, to see how much that is; `None` where there is no socket to ask about.
fn of_some_socket() -> io::Result<Option<TcpInfo>> {
    // There need not be another one; without a loopback interface there is not this one either.
    let _own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok();
    let mut found = None;
    let mut socket = Socket::open(Protocol::SockDiag)?;
    dump(&mut socket, Transport::Tcp, |sock| found = found.or(sock.tcp))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use probe_sdk::protocol::manifest::Manifest;

    use super::*;

    /// What the tables have without eBPF.
    const SERVED: &str = "rx_bytes tx_bytes segs_in segs_out srtt rcv_rtt snd_cwnd notsent_bytes notack_bytes reordering \
        snd_wnd rcv_wnd avl_snd_wnd zero_rcv_wnd_count zero_snd_wnd_count zero_win_rx_ratio zero_win_tx_ratio rto ato \
        sk_rcvbuf sk_sndbuf retran_packets sk_drops lost_out sacked_out retrans_ratio listendrop accept_overflow \
        syn_overflow passive_open retran_syn active_open udp_rcv_drop_datagrams";

    fn items_by_field() -> BTreeMap<String, String> {
        let manifest = Manifest::parse(include_str!("../../probe.toml")).unwrap();
        let fields = manifest.tables.iter().flat_map(|table| &table.fields);
        fields.filter_map(|field| Some((field.name.to_string(), field.item.as_ref()?.to_string()))).collect()
    }

    #[test]
    fn every_field_that_is_not_served_is_told_to_be_absent_with_its_item() {
        let mut absent = BTreeSet::from(["udp_rcv_drops"]);
        let all = items_by_field();
        for (name, items, how) in TOLD {
            let (Absent(fields) | IfTold(_, _, fields)) = how else { continue };
            for field in fields.split(", ") {
                assert_eq!(all.get(field).map(String::as_str), Some(*items), "{name}: {field}");
                if let Absent(_) = how {
                    absent.insert(field);
                }
            }
        }
        let told: BTreeSet<_> = SERVED.split_ascii_whitespace().chain(absent.iter().copied()).collect();
        assert_eq!(told, all.keys().map(String::as_str).collect());
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_absent() {
        let tells = IfTold(|tcp| tcp.rcv_wnd.is_some(), "6.2", "rcv_wnd");
        let old = served(&tells, Some(&TcpInfo::default()));
        assert_eq!(
            (old.0, old.1.as_str(), old.2.as_str()),
            ("", "absent: rcv_wnd", "inet_diag: tells that since Linux 6.2; ")
        );
        let new = TcpInfo { rcv_wnd: Some(0), ..TcpInfo::default() };
        assert_eq!(served(&tells, Some(&new)).1, "exact");
        assert_eq!(served(&tells, None).1, "exact");
    }
}
