//! Network: `/proc/net/dev`, `/proc/net/snmp`, `/proc/net/netstat`.

use crate::text::{lines, uint, words};

/// Totals of a network device since it came up: one line of `/proc/net/dev`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets received in error.
    pub rx_errs: u64,
    /// Packets dropped after they were received.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Packets that could not be sent.
    pub tx_errs: u64,
    /// Packets dropped on the way out.
    pub tx_dropped: u64,
}

/// Calls `each` for every device with its name, which is never empty and has no blanks and colons.
pub fn devices<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], Device)) {
    // The two header lines have no colon. Old kernels leave no blank after it: `eth0:1296`.
    for line in lines(bytes) {
        if let Some((name, device)) = device(line) {
            each(name, device);
        }
    }
}

fn device(line: &[u8]) -> Option<(&[u8], Device)> {
    let colon = memchr::memchr(b':', line)?;
    let (name, counts) = line.split_at(colon);
    let name = name.trim_ascii();
    if name.is_empty() {
        return None;
    }
    let mut columns = words(counts.get(1..)?);
    let mut next = || columns.next().and_then(uint);
    let [rx_bytes, rx_packets, rx_errs, rx_dropped] = [next()?, next()?, next()?, next()?];
    let [_fifo, _frame, _compressed, _multicast] = [next()?, next()?, next()?, next()?];
    let [tx_bytes, tx_packets, tx_errs, tx_dropped] = [next()?, next()?, next()?, next()?];
    let device =
        Device { rx_bytes, rx_packets, rx_errs, rx_dropped, tx_bytes, tx_packets, tx_errs, tx_dropped };
    Some((name, device))
}

/// Totals of TCP and UDP over IPv4 and, for TCP, IPv6, since boot of the network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snmp {
    /// Connections that are established now.
    pub tcp_curr_estab: Option<u64>,
    /// Connections that programs here began to open.
    pub tcp_active_opens: Option<u64>,
    /// Connections that came in and stood.
    pub tcp_passive_opens: Option<u64>,
    /// Segments received.
    pub tcp_in_segs: Option<u64>,
    /// Segments sent, without those sent again.
    pub tcp_out_segs: Option<u64>,
    /// Segments sent again.
    pub tcp_retrans_segs: Option<u64>,
    /// Segments received in error.
    pub tcp_in_errs: Option<u64>,
    /// Datagrams handed to programs.
    pub udp_in_datagrams: Option<u64>,
    /// Datagrams sent.
    pub udp_out_datagrams: Option<u64>,
}

/// Reads `/proc/net/snmp`: pairs of lines, names above values.
#[must_use]
pub fn snmp(bytes: &[u8]) -> Snmp {
    let mut snmp = Snmp::default();
    pairs(bytes, |protocol, name, value| {
        if let Some(place) = place(&mut snmp, protocol, name) {
            *place = uint(value);
        }
    });
    snmp
}

/// Calls `each` with protocol, name and value of files that have lines of names above lines of values.
fn pairs<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8], &'a [u8])) {
    let mut lines = lines(bytes);
    while let Some(names) = lines.next() {
        let mut names = words(names);
        let protocol = names.next().unwrap_or_default();
        let mut values = words(lines.next().unwrap_or_default());
        if values.next() == Some(protocol) {
            names.zip(values).for_each(|(name, value)| each(protocol, name, value));
        }
    }
}

fn place<'a>(snmp: &'a mut Snmp, protocol: &[u8], name: &[u8]) -> Option<&'a mut Option<u64>> {
    Some(match (protocol, name) {
        (b"Tcp:", b"CurrEstab") => &mut snmp.tcp_curr_estab,
        (b"Tcp:", b"ActiveOpens") => &mut snmp.tcp_active_opens,
        (b"Tcp:", b"PassiveOpens") => &mut snmp.tcp_passive_opens,
        (b"Tcp:", b"InSegs") => &mut snmp.tcp_in_segs,
        (b"Tcp:", b"OutSegs") => &mut snmp.tcp_out_segs,
        (b"Tcp:", b"RetransSegs") => &mut snmp.tcp_retrans_segs,
        (b"Tcp:", b"InErrs") => &mut snmp.tcp_in_errs,
        (b"Udp:", b"InDatagrams") => &mut snmp.udp_in_datagrams,
        (b"Udp:", b"OutDatagrams") => &mut snmp.udp_out_datagrams,
        _ => return None,
    })
}

/// Totals of the queues of listeners, since boot of the network namespace; `None` where this kernel does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Netstat {
    /// Requests and connections dropped because the queue of accepted connections was full.
    pub listen_overflows: Option<u64>,
    /// Requests dropped because the queue of requests was full.
    pub request_queue_drops: Option<u64>,
    /// Requests answered with a cookie because the queue of requests was full.
    pub request_queue_cookies: Option<u64>,
}

/// Reads `/proc/net/netstat`.
#[must_use]
pub fn netstat(bytes: &[u8]) -> Netstat {
    let mut netstat = Netstat::default();
    pairs(bytes, |protocol, name, value| {
        let place = match (protocol, name) {
            (b"TcpExt:", b"ListenOverflows") => &mut netstat.listen_overflows,
            (b"TcpExt:", b"TCPReqQFullDrop") => &mut netstat.request_queue_drops,
            (b"TcpExt:", b"TCPReqQFullDoCookies") => &mut netstat.request_queue_cookies,
            _ => return,
        };
        *place = uint(value);
    });
    netstat
}

#[cfg(test)]
mod tests;
