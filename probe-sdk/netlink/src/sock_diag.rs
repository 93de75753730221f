//! All sockets of a protocol (`linux/inet_diag.h`, `linux/sock_diag.h`).

mod tcp_info;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;

pub use self::tcp_info::TcpInfo;
use crate::bytes::{attributes, be16_at, ipv4_at, ipv6_at, u32_at};
use crate::socket::{Error, Socket};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Bytes of `struct inet_diag_sockid`.
const ID: usize = 48;
/// Bytes of `struct inet_diag_msg`.
const MESSAGE: usize = 4 + ID + 20;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_SKMEMINFO: u16 = 7;
const INET_DIAG_SKV6ONLY: u16 = 11;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// What the sockets speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// State of a connection (`include/net/tcp_states.h`). A UDP socket with a fixed peer is established, any other closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of RFC 9293")]
pub enum State {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

impl State {
    const ALL: [Self; 11] = [
        Self::Established,
        Self::SynSent,
        Self::SynReceived,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Closed,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
    ];

    /// The kernel has one more for handshakes that are no sockets yet, which it tells as `SynReceived`.
    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// True once the peer has said that it sends no more.
    #[must_use]
    pub fn peer_has_finished(self) -> bool {
        matches!(self, Self::CloseWait | Self::LastAck | Self::Closing | Self::TimeWait)
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Sock {
    /// Its state.
    pub state: State,
    /// Its own address; unspecified where it is bound to none. IPv4 within IPv6 is told as IPv4.
    pub local: SocketAddr,
    /// The peer's; unspecified with port 0 where there is none.
    pub remote: SocketAddr,
    /// True of an IPv6 socket that takes no IPv4.
    pub only_v6: bool,
    /// Never used twice while the host runs, in whatever namespace.
    pub cookie: u64,
    /// Inode of the open file; 0 while nobody has accepted it, and after it was closed.
    pub inode: u32,
    /// Bytes that wait to be read; connections that wait to be accepted.
    pub receive_queue: u32,
    /// Bytes that are not yet acknowledged; how many connections may wait to be accepted.
    pub send_queue: u32,
    /// Memory; `None` of what is no whole socket.
    pub memory: Option<Memory>,
    /// `None` of what is no TCP connection.
    pub tcp: Option<TcpInfo>,
}

/// Memory of a socket (`SK_MEMINFO_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes that it may hold of what was received.
    pub receive_buffer: u32,
    /// Bytes that it may hold of what is to be sent.
    pub send_buffer: u32,
    /// Packets dropped so far; from Linux 4.7 on.
    pub drops: Option<u32>,
}

/// Calls `each` for every socket of the namespace, listeners included.
///
/// # Errors
/// When the kernel does not tell (`CONFIG_INET_DIAG`, for UDP `CONFIG_INET_UDP_DIAG`), or not all.
pub fn dump(socket: &mut Socket, transport: Transport, mut each: impl FnMut(&Sock)) -> Result<(), Error> {
    for family in [AF_INET, AF_INET6] {
        let dumped = socket.dump(SOCK_DIAG_BY_FAMILY, &request(transport, family), |message| {
            if let Some(sock) = parse(message.body).filter(|_| message.kind == SOCK_DIAG_BY_FAMILY) {
                each(&sock);
            }
        });
        match dumped {
            // A kernel without IPv6 has none of its sockets.
            Err(error) if family == AF_INET6 && error.is(Errno::NOENT) => {}
            dumped => dumped?,
        }
    }
    Ok(())
}

/// `struct inet_diag_req_v2`, for all states.
fn request(transport: Transport, family: u8) -> [u8; 8 + ID] {
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    };
    let extensions = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
    let mut bytes = [0; 8 + ID];
    let head = [family, protocol, extensions, 0, 0xff, 0xff, 0xff, 0xff];
    for (place, byte) in bytes.iter_mut().zip(head) {
        *place = byte;
    }
    bytes
}

fn parse(body: &[u8]) -> Option<Sock> {
    let &[family, state, ..] = body.first_chunk::<MESSAGE>()?;
    let address = |at| match family {
        AF_INET => ipv4_at(body, at),
        AF_INET6 => ipv6_at(body, at).map(|address| address.to_canonical()),
        _ => None,
    };
    let cookie = u64::from(u32_at(body, 44)?) | u64::from(u32_at(body, 48)?) << 32;
    let mut sock = Sock {
        state: State::from_number(state)?,
        local: SocketAddr::new(address(8)?, be16_at(body, 4)?),
        remote: SocketAddr::new(address(24)?, be16_at(body, 6)?),
        only_v6: false,
        cookie,
        receive_queue: u32_at(body, 56)?,
        send_queue: u32_at(body, 60)?,
        inode: u32_at(body, 68)?,
        memory: None,
        tcp: None,
    };
    for (kind, value) in attributes(body.get(MESSAGE..)?) {
        match kind {
            INET_DIAG_INFO => sock.tcp = Some(TcpInfo::parse(value)),
            INET_DIAG_SKMEMINFO => sock.memory = memory(value),
            INET_DIAG_SKV6ONLY => sock.only_v6 = value.first().is_some_and(|byte| *byte != 0),
            _ => {}
        }
    }
    agree(&mut sock);
    Some(sock)
}

/// One of the addresses may be unspecified, which is no IPv4 address within IPv6 although the other is.
fn agree(sock: &mut Sock) {
    let any = |address: &SocketAddr| address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if sock.remote.is_ipv4() && any(&sock.local) {
        sock.local.set_ip(Ipv4Addr::UNSPECIFIED.into());
    } else if sock.local.is_ipv4() && any(&sock.remote) {
        sock.remote.set_ip(Ipv4Addr::UNSPECIFIED.into());
    }
}

fn memory(value: &[u8]) -> Option<Memory> {
    Some(Memory {
        receive_buffer: u32_at(value, 4)?,
        send_buffer: u32_at(value, 12)?,
        drops: u32_at(value, 32),
    })
}

#[cfg(test)]
mod tests;
