//! The bytes of RTNETLINK: a request for all queueing disciplines, and its answers. Layouts are those of
//! `linux/netlink.h`, `linux/rtnetlink.h`, `linux/gen_stats.h` and `linux/pkt_sched.h`; numbers are in host order.

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const FLAGS: u16 = 0x1 | 0x300;
const HEADER: usize = 16;
/// `struct tcmsg`.
const TCMSG: usize = 20;
const TCA_KIND: u16 = 1;
const TCA_STATS2: u16 = 7;
const TCA_STATS_QUEUE: u16 = 3;
const TCA_STATS_APP: u16 = 4;
/// Parent of the discipline that sends.
const TC_H_ROOT: u32 = u32::MAX;
/// The upper bits of an attribute's type are flags.
const TYPE_MASK: u16 = 0x3fff;

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

/// Whether more is to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    More,
    Done,
    /// The error number.
    Error(i32),
}

/// Asks for all disciplines of all devices.
pub(super) fn request(sequence: u32) -> [u8; HEADER + TCMSG] {
    let mut bytes = [0; HEADER + TCMSG];
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    let parts = length.to_ne_bytes().into_iter().chain(RTM_GETQDISC.to_ne_bytes()).chain(FLAGS.to_ne_bytes());
    for (place, byte) in bytes.iter_mut().zip(parts.chain(sequence.to_ne_bytes())) {
        *place = byte;
    }
    bytes
}

/// Calls `each` for every discipline in a chunk of answers to this request.
pub(super) fn parse(chunk: &[u8], sequence: u32, mut each: impl FnMut(QdiscStats)) -> Answer {
    let mut rest = chunk;
    while let Some(length) = u32_at(rest, 0).and_then(|length| usize::try_from(length).ok()) {
        let Some(message) = rest.get(..length).filter(|message| message.len() >= HEADER) else { break };
        rest = rest.get(aligned(length)..).unwrap_or_default();
        if u32_at(message, 8) != Some(sequence) {
            continue;
        }
        let body = message.get(HEADER..).unwrap_or_default();
        match u16_at(message, 4) {
            Some(NLMSG_DONE) => return Answer::Done,
            Some(NLMSG_ERROR) => return Answer::Error(error_number(body)),
            Some(RTM_NEWQDISC) => {
                if let Some(stats) = discipline(body) {
                    each(stats);
                }
            }
            _ => {}
        }
    }
    Answer::More
}

fn error_number(body: &[u8]) -> i32 {
    u32_at(body, 0).map_or(0, |number| number.cast_signed().saturating_neg())
}

fn discipline(body: &[u8]) -> Option<QdiscStats> {
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

/// The body of the first attribute of a type.
fn find(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = attributes;
    loop {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & TYPE_MASK;
        let body = rest.get(4..length)?;
        if kind == wanted {
            return Some(body);
        }
        rest = rest.get(aligned(length)..)?;
    }
}

/// Messages and attributes begin at multiples of four. Never below four, so that every step goes on.
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4).max(4)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests;
