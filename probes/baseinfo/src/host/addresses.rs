//! The host's addresses. Asking for them is costly: it is done again only after the kernel has announced a change.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

/// Changes of devices and of their addresses: `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` of
/// `linux/rtnetlink.h`.
const CHANGES: u32 = 0x1 | 0x10 | 0x100;

/// The last answer, and a socket that hears when it is out of date.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    announced: Option<OwnedFd>,
    device: String,
    shown: String,
}

impl Addresses {
    /// Addresses of devices that are up, separated by commas; of one device when `device` is not empty.
    pub(super) fn read(&mut self, device: &str) -> io::Result<&str> {
        if self.is_current(device) {
            return Ok(&self.shown);
        }
        // Listening begins before the question, so that no change falls between them. Where nothing can be heard,
        // the question is asked each time.
        self.announced = listen().ok();
        match addresses(device) {
            Ok(found) => self.shown = found,
            Err(errno) => {
                self.announced = None;
                return Err(errno.into());
            }
        }
        device.clone_into(&mut self.device);
        Ok(&self.shown)
    }

    /// False after anything but silence: an announcement, too many of them, a broken socket.
    fn is_current(&self, device: &str) -> bool {
        let Some(socket) = &self.announced else { return false };
        self.device == device
            && recv(socket.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT) == Err(Errno::EAGAIN)
    }
}

fn listen() -> nix::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        Some(SockProtocol::NetlinkRoute),
    )?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, CHANGES))?;
    Ok(socket)
}

fn addresses(device: &str) -> nix::Result<String> {
    let mut found: Vec<String> = Vec::new();
    for entry in getifaddrs()? {
        let named = device.is_empty() || entry.interface_name == device;
        if !named || !entry.flags.contains(InterfaceFlags::IFF_UP) {
            continue;
        }
        let Some(address) = entry.address else { continue };
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
        let v6 = address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip()));
        found.extend(v4.or(v6).filter(|address| is_shown(*address)).map(|address| address.to_string()));
    }
    Ok(found.join(","))
}

fn is_shown(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !address.is_loopback() && !link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_link_local_addresses_are_left_out() {
        for (address, shown) in [
            ("127.0.0.1", false),
            ("::1", false),
            ("169.254.3.4", false),
            ("fe80::1", false),
            ("10.1.2.3", true),
            ("2001:db8::1", true),
        ] {
            assert_eq!(is_shown(address.parse().unwrap()), shown, "{address}");
        }
    }
}
