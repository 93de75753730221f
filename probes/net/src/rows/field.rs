//! What the programs write, as fields of rows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use probe_sdk::protocol::histogram::Histogram;

use crate::skeleton::types;

/// Where the values come from.
pub(crate) const SOURCE: &str = "ebpf";

/// As `NO_BOUND` of bpf/bounds.h.
const NO_BOUND: u64 = i64::MAX.unsigned_abs();

/// The process name, as far as it is text.
pub(crate) fn comm(bytes: &[u8; 16]) -> String {
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

pub(crate) fn role(key: &types::flow_key) -> &'static str {
    if u32::from(key.role) == types::role::ROLE_SERVER.0 { "server" } else { "client" }
}

/// An address in its shortest form; empty where all of it is zero and so none is meant.
pub(crate) fn known_address(family: u16, address: &types::address) -> String {
    if address.bytes == [0; 16] { String::new() } else { self::address(family, address) }
}

/// An address in its shortest form.
pub(crate) fn address(family: u16, address: &types::address) -> String {
    ip(family, address).to_string()
}

/// An address as the programs keep it.
pub(crate) fn ip(family: u16, address: &types::address) -> IpAddr {
    if i32::from(family) == nix::libc::AF_INET {
        let [a, b, c, d, ..] = address.bytes;
        IpAddr::from(Ipv4Addr::new(a, b, c, d))
    } else {
        IpAddr::from(Ipv6Addr::from(address.bytes))
    }
}

/// `None` without any observation: the row says nothing about it.
pub(crate) fn histogram(bounds: &[u64; 15], from: &types::histogram) -> Option<Histogram> {
    let mut histogram = Histogram { sum: from.sum as f64, max: from.max as f64, ..Histogram::default() };
    let mut total = 0;
    for (bound, slot) in bounds.iter().chain([&NO_BOUND]).zip(from.slots) {
        total += u64::from(slot);
        let endless = *bound == NO_BOUND;
        histogram.bounds.push(if endless { f64::INFINITY } else { *bound as f64 });
        histogram.counts.push(total);
        if endless {
            break;
        }
    }
    (total > 0).then_some(histogram)
}

/// A share of a whole; none where there is no whole.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
