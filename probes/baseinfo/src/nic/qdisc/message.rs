//! The bytes of RTNETLINK about queueing disciplines. Layouts are those of `linux/rtnetlink.h`, `linux/gen_stats.h` and
//! `linux/pkt_sched.h`; numbers are in host order.

use gopher_netlink::bytes::{find, u32_at};
use gopher_netlink::message::Message;

const RTM_NEWQDISC: u16 = 36;
/// Asks for all disciplines of all devices.
pub(super) const RTM_GETQDISC: u16 = 38;
/// `struct tcmsg` that names nothing.
pub(super) const REQUEST: [u8; TCMSG] = [0; TCMSG];
/// Bytes of `struct tcmsg`.
const TCMSG: usize = 20;
const TCA_KIND: u16 = 1;
const TCA_STATS2: u16 = 7;
const TCA_STATS_QUEUE: u16 = 3;
const TCA_STATS_APP: u16 = 4;
/// Parent of the discipline that sends.
const TC_H_ROOT: u32 = u32::MAX;

/// Statistics of one queueing discipline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QdiscStats {
    /// Index of the device.
    pub(super) device: u32,
    /// The one that the device sends through, not one below it.
    pub(super) is_root: bool,
    pub(super) drops: u32,
    pub(super) overlimits: u32,
    /// Bytes.
    pub(super) backlog: u32,
    /// `None` for kinds that do not mark.
    pub(super) ecn_marks: Option<u32>,
}

/// The discipline that an answer tells of.
pub(super) fn discipline(message: Message<'_>) -> Option<QdiscStats> {
    if message.kind != RTM_NEWQDISC {
        return None;
    }
    let body = message.body;
    let device = u32_at(body, 4)?;
    let is_root = u32_at(body, 12)? == TC_H_ROOT;
    let mut stats = QdiscStats { device, is_root, ..QdiscStats::default() };
    let attributes = body.get(TCMSG..)?;
    let kind = find(attributes, TCA_KIND).unwrap_or_default();
    let nested = find(attributes, TCA_STATS2)?;
    // struct gnet_stats_queue: qlen, backlog, drops, requeues, overlimits.
    let queue = find(nested, TCA_STATS_QUEUE)?;
    stats.backlog = u32_at(queue, 4)?;
    stats.drops = u32_at(queue, 8)?;
    stats.overlimits = u32_at(queue, 16)?;
    stats.ecn_marks = find(nested, TCA_STATS_APP).and_then(|own| ecn_marks(kind, own));
    Some(stats)
}

/// The field `ecn_mark` of the discipline's own statistics.
fn ecn_marks(kind: &[u8], own: &[u8]) -> Option<u32> {
    match kind.strip_suffix(b"\0").unwrap_or(kind) {
        // struct tc_codel_xstats.
        b"codel" => u32_at(own, 24),
        // struct tc_fq_codel_xstats: a type, 0 for the discipline and 1 for a class; then the numbers.
        b"fq_codel" if u32_at(own, 0) == Some(0) => u32_at(own, 12),
        // struct tc_pie_xstats: the last number, whatever the width of those before it.
        b"pie" => u32_at(own, own.len().checked_sub(4)?),
        // struct tc_fq_pie_xstats.
        b"fq_pie" => u32_at(own, 16),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
