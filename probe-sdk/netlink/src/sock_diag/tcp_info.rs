//! `struct tcp_info` (`linux/tcp.h`). It has grown with the kernel: only what the kernel gave is there.

use crate::bytes::{u32_at, u64_at};

macro_rules! tcp_info {
    ($($field:ident: $type:ty = $read:ident($at:literal), $help:literal;)*) => {
        /// State of a TCP connection; `None` where this kernel does not tell.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct TcpInfo {
            $(#[doc = $help] pub $field: Option<$type>,)*
        }

        impl TcpInfo {
            pub(super) fn parse(bytes: &[u8]) -> Self {
                Self { $($field: $read(bytes, $at),)* }
            }
        }
    };
}

tcp_info! {
    rto: u32 = u32_at(8), "Time-out of retransmission, µs.";
    ato: u32 = u32_at(12), "Time-out of delayed acknowledgement, µs.";
    sacked: u32 = u32_at(28), "Segments acknowledged out of order, now.";
    lost: u32 = u32_at(32), "Segments held to be lost, now.";
    rtt: u32 = u32_at(68), "Smoothed round-trip time, µs; 0 before the first measurement.";
    snd_cwnd: u32 = u32_at(80), "Congestion window, segments.";
    reordering: u32 = u32_at(88), "Distance of reordering, segments.";
    rcv_rtt: u32 = u32_at(92), "Round-trip time as the receiver estimates it, µs; 0 before the first estimate.";
    total_retrans: u32 = u32_at(100), "Segments sent again, so far.";
    bytes_received: u64 = u64_at(128), "Bytes received in order, the peer's FIN counted as one.";
    segs_out: u32 = u32_at(136), "Segments sent, repeated ones included.";
    segs_in: u32 = u32_at(140), "Segments received.";
    notsent_bytes: u32 = u32_at(144), "Bytes written and not yet sent.";
    bytes_sent: u64 = u64_at(200), "Bytes sent, repeated ones included; from Linux 4.19 on.";
    bytes_retrans: u64 = u64_at(208), "Bytes sent again; from Linux 4.19 on.";
    snd_wnd: u32 = u32_at(228), "Window that the peer offers, bytes; from Linux 5.4 on.";
    rcv_wnd: u32 = u32_at(232), "Window offered to the peer, bytes; from Linux 6.2 on.";
}
