//! Who is on the other end of a connection: by the kernel, for sockets of this host.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket,
    sockopt::ReceiveTimeout,
};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::{Gid, Uid, User};

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR` of `linux/netlink.h`.
const ERROR: u16 = 2;
/// `NLM_F_REQUEST` of `linux/netlink.h`.
const REQUEST: u16 = 1;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Bytes of `struct inet_diag_req_v2` of `linux/inet_diag.h`.
const BODY: usize = 56;
/// Where the user id is in an answer, after the header: `struct inet_diag_msg`.
const UID: usize = 64;
/// Where the inode of the socket is there.
const INODE: usize = 68;

/// The user whose process made the socket that is connected from `peer` to `local`, an address of ours. `None` when
/// no process of this host, in this network namespace, has such a socket: the kernel gives one that was closed, and
/// lingers to end its connection, to root, whoever had it.
///
/// # Errors
/// When the kernel cannot be asked.
pub(super) fn owner(peer: SocketAddr, local: SocketAddr) -> io::Result<Option<u32>> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        Some(SockProtocol::NetlinkSockDiag),
    )?;
    // The kernel answers within the call; the bound is there so that nothing can hang here.
    setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(1))?;
    sendto(socket.as_raw_fd(), &request(peer, local), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 512];
    loop {
        match recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()) {
            Err(Errno::EINTR) => {}
            received => return parse(answer.get(..received?).unwrap_or_default()),
        }
    }
}

/// A question for one socket by its two addresses.
fn request(peer: SocketAddr, local: SocketAddr) -> [u8; HEADER + BODY] {
    const LENGTH: u32 = 72;
    const TCP: u8 = 6;
    // A client of version 4 that talks to a listener of version 6 has a socket of version 4.
    let (source, target) = (peer.ip().to_canonical(), local.ip().to_canonical());
    let family = if source.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut bytes = Vec::with_capacity(HEADER + BODY);
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([u8::try_from(family).unwrap_or_default(), TCP, 0, 0]);
    // In any state.
    bytes.extend([0xff; 4]);
    bytes.extend(peer.port().to_be_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(address(source));
    bytes.extend(address(target));
    // On any device; the two halves of the cookie say that none is known.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes.try_into().unwrap_or([0; HEADER + BODY])
}

fn address(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&ip.octets());
            octets
        }
    }
}

fn parse(answer: &[u8]) -> io::Result<Option<u32>> {
    let short = || io::Error::other("the kernel's answer is too short");
    let at = |from: usize| answer.get(from..from + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let kind = at(4).ok_or_else(short)?.to_ne_bytes();
    if u16::from_ne_bytes([kind[0], kind[1]]) != ERROR {
        let (uid, inode) = at(HEADER + UID).zip(at(HEADER + INODE)).ok_or_else(short)?;
        return Ok((inode != 0).then_some(uid));
    }
    let code = i32::from_ne_bytes(at(HEADER).ok_or_else(short)?.to_ne_bytes());
    if code == -libc::ENOENT { Ok(None) } else { Err(io::Error::from_raw_os_error(-code)) }
}

/// Whether a user is in a group by the host's user database. Asks NSS, which may take its time.
pub(super) fn is_member(uid: u32, group: Gid) -> bool {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return false };
    let Ok(name) = std::ffi::CString::new(user.name) else { return false };
    nix::unistd::getgrouplist(&name, user.gid).is_ok_and(|groups| groups.contains(&group))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// The two ends of a connection as the server sees them.
    fn connected(address: &str) -> ([TcpStream; 2], SocketAddr, SocketAddr) {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = if address.starts_with("[::]") {
            format!("127.0.0.1:{port}")
        } else {
            listener.local_addr().unwrap().to_string()
        };
        let client = TcpStream::connect(to).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let local = accepted.local_addr().unwrap();
        ([client, accepted], peer, local)
    }

    #[test]
    fn owner_of_a_socket_is_found_for_both_versions() {
        let own = nix::unistd::geteuid().as_raw();
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let (_ends, peer, local) = connected(address);
            assert_eq!(owner(peer, local).unwrap(), Some(own), "{address}");
        }
    }

    #[test]
    fn who_is_not_here_is_nobody() {
        let (_ends, peer, local) = connected("127.0.0.1:0");
        let elsewhere = SocketAddr::new("127.0.0.9".parse().unwrap(), peer.port());
        assert_eq!(owner(elsewhere, local).unwrap(), None);
    }

    #[test]
    fn a_socket_that_was_closed_is_nobodys() {
        let ([client, _accepted], peer, local) = connected("127.0.0.1:0");
        drop(client);
        assert_eq!(owner(peer, local).unwrap(), None);
    }

    #[test]
    fn membership_is_that_of_the_user_database() {
        assert!(is_member(0, Gid::from_raw(0)));
        assert!(!is_member(0, Gid::from_raw(65_533)));
        assert!(!is_member(3_999_999_999, Gid::from_raw(0)));
    }

    #[test]
    fn a_short_answer_is_an_error() {
        for length in 0..24 {
            assert!(parse(&vec![0; length]).is_err());
        }
    }
}
