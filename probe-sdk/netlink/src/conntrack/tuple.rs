//! Messages of connection tracking (`linux/netfilter/nfnetlink_conntrack.h`).

use std::net::{IpAddr, SocketAddr};

use crate::bytes::{be16_at, find, ipv4_at, ipv6_at};
use crate::message::Message;

/// `NFNL_SUBSYS_CTNETLINK`, in the upper byte of a type.
const SUBSYSTEM: u16 = 1 << 8;
const NEW: u16 = SUBSYSTEM;
/// Asks for all connections.
pub(super) const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
/// `NFNLGRP_CONNTRACK_NEW` (1) and `NFNLGRP_CONNTRACK_DESTROY` (3), as bits.
pub(super) const GROUPS: u32 = 1 | 1 << 2;
/// `struct nfgenmsg`: any family, version 0, no resource.
pub(super) const REQUEST: [u8; 4] = [0; 4];

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_IP_V6_SRC: u16 = 3;
const CTA_IP_V6_DST: u16 = 4;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_SRC_PORT: u16 = 2;
const CTA_PROTO_DST_PORT: u16 = 3;
const TCP: u8 = 6;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// What has become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there; `backend` where somebody else answers than was asked.
    Begins {
        tuple: Tuple,
        backend: Option<SocketAddr>,
    },
    Ends(Tuple),
}

/// What a message says of a connection of TCP.
pub(super) fn change(message: Message<'_>) -> Option<Change> {
    let attributes = message.body.get(REQUEST.len()..)?;
    let original = tuple(find(attributes, CTA_TUPLE_ORIG)?)?;
    match message.kind {
        NEW => {
            let reply = tuple(find(attributes, CTA_TUPLE_REPLY)?)?;
            let backend = (reply.from != original.to).then_some(reply.from);
            Some(Change::Begins { tuple: original, backend })
        }
        DELETE => Some(Change::Ends(original)),
        _ => None,
    }
}

fn tuple(nested: &[u8]) -> Option<Tuple> {
    let (ip, protocol) = (find(nested, CTA_TUPLE_IP)?, find(nested, CTA_TUPLE_PROTO)?);
    if find(protocol, CTA_PROTO_NUM)?.first() != Some(&TCP) {
        return None;
    }
    let port = |kind| be16_at(find(protocol, kind)?, 0);
    let from = address(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC)?;
    let to = address(ip, CTA_IP_V4_DST, CTA_IP_V6_DST)?;
    Some(Tuple {
        from: SocketAddr::new(from, port(CTA_PROTO_SRC_PORT)?),
        to: SocketAddr::new(to, port(CTA_PROTO_DST_PORT)?),
    })
}

fn address(ip: &[u8], v4: u16, v6: u16) -> Option<IpAddr> {
    match find(ip, v4) {
        Some(bytes) => ipv4_at(bytes, 0),
        None => ipv6_at(find(ip, v6)?, 0),
    }
}

#[cfg(test)]
mod tests;
