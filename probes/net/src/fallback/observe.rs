//! One look at a connection: what has grown since the last one, and what is so now.

use gopher_netlink::sock_diag::{Sock, State, TcpInfo};

use super::sums::{Counters, Flow, Looks, add};
use crate::programs::Bounds;
use crate::rows::share;
use crate::skeleton::types;
use crate::skeleton::types::measure;

impl Counters {
    /// What a connection's counters are now.
    pub(crate) fn of(sock: &Sock) -> Self {
        let tcp = sock.tcp.unwrap_or_default();
        // The kernel counts the peer's FIN as a byte.
        let fin = u64::from(sock.state.peer_has_finished());
        Self {
            rx_bytes: tcp.bytes_received.map(|bytes| bytes.saturating_sub(fin)),
            tx_bytes: tcp.bytes_sent.zip(tcp.bytes_retrans).map(|(sent, again)| sent.saturating_sub(again)),
            segs_in: tcp.segs_in,
            segs_out: tcp.segs_out,
            retrans: tcp.total_retrans,
            drops: sock.memory.and_then(|memory| memory.drops),
            lost: tcp.lost,
        }
    }

    /// What has come since, added to a flow.
    pub(crate) fn add_since(&self, before: &Self, flow: &mut Flow) {
        add(&mut flow.rx_bytes, grown(before.rx_bytes, self.rx_bytes));
        add(&mut flow.tx_bytes, grown(before.tx_bytes, self.tx_bytes));
        add(&mut flow.segs_in, turned(before.segs_in, self.segs_in));
        add(&mut flow.segs_out, turned(before.segs_out, self.segs_out));
        add(&mut flow.retrans, turned(before.retrans, self.retrans));
        add(&mut flow.drops, turned(before.drops, self.drops));
        add(&mut flow.lost, grown(before.lost.map(u64::from), self.lost.map(u64::from)));
    }
}

fn grown(before: Option<u64>, now: Option<u64>) -> Option<u64> {
    now.map(|now| now.saturating_sub(before.unwrap_or(0)))
}

/// Growth of a counter that begins again after its largest value.
pub(crate) fn turned(before: Option<u32>, now: Option<u32>) -> Option<u64> {
    now.map(|now| u64::from(now.wrapping_sub(before.unwrap_or(0))))
}

/// Adds what is so now.
pub(crate) fn look(flow: &mut Flow, sock: &Sock, bounds: &Bounds) {
    let memory = sock.memory.unwrap_or_default();
    let mut all = vec![
        (measure::MEASURE_RCVBUF, sock.memory.map(|_| memory.receive_buffer)),
        (measure::MEASURE_SNDBUF, sock.memory.map(|_| memory.send_buffer)),
    ];
    let stands = matches!(sock.state, State::Established | State::CloseWait);
    if let Some(tcp) = sock.tcp.filter(|_| stands) {
        all.extend(times(&tcp));
        all.extend(windows(&tcp, sock.send_queue));
        flow.rcv_looks.look(tcp.rcv_wnd);
        flow.snd_looks.look(tcp.snd_wnd);
        flow.sacked = flow.sacked.max(tcp.sacked);
    }
    for (which, value) in all {
        let index = which.0 as usize;
        let place = flow.measures.get_mut(index).zip(bounds.of.get(index));
        if let Some(((histogram, bounds), value)) = place.zip(value) {
            observe(histogram, bounds, value.into());
        }
    }
}

fn observe(histogram: &mut types::histogram, bounds: &[u64; 15], value: u64) {
    let slot = bounds.iter().filter(|bound| value > **bound).count();
    if let Some(slot) = histogram.slots.get_mut(slot) {
        *slot = slot.saturating_add(1);
    }
    histogram.sum = histogram.sum.saturating_add(value);
    histogram.max = histogram.max.max(value);
}

/// Zero is what has not been measured yet.
fn times(tcp: &TcpInfo) -> [(measure, Option<u32>); 4] {
    let measured = |time: Option<u32>| time.filter(|time| *time > 0);
    [
        (measure::MEASURE_SRTT, measured(tcp.rtt)),
        (measure::MEASURE_RCV_RTT, measured(tcp.rcv_rtt)),
        (measure::MEASURE_RTO, measured(tcp.rto).map(|us| us / 1000)),
        (measure::MEASURE_ATO, measured(tcp.ato).map(|us| us / 1000)),
    ]
}

fn windows(tcp: &TcpInfo, unacknowledged: u32) -> [(measure, Option<u32>); 7] {
    let notack = tcp.notsent_bytes.map(|notsent| unacknowledged.saturating_sub(notsent));
    let available = tcp.snd_wnd.zip(notack).map(|(all, used)| all.saturating_sub(used));
    [
        (measure::MEASURE_SND_CWND, tcp.snd_cwnd),
        (measure::MEASURE_REORDERING, tcp.reordering),
        (measure::MEASURE_NOTSENT, tcp.notsent_bytes),
        (measure::MEASURE_NOTACK, notack),
        (measure::MEASURE_SND_WND, tcp.snd_wnd),
        (measure::MEASURE_RCV_WND, tcp.rcv_wnd),
        (measure::MEASURE_AVL_SND_WND, available),
    ]
}

impl Looks {
    fn look(&mut self, window: Option<u32>) {
        self.all += u64::from(window.is_some());
        self.zero += u64::from(window == Some(0));
    }

    /// How many found none; `None` where the kernel tells of no window.
    pub(crate) fn count(self) -> Option<u64> {
        (self.all > 0).then_some(self.zero)
    }

    pub(crate) fn share(self) -> Option<f64> {
        share(self.zero, self.all)
    }
}
