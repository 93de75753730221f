//! Numbers and attributes within the body of a message.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The upper bits of an attribute's type are flags.
const TYPE_MASK: u16 = 0x3fff;
/// Bytes before the body of an attribute: its length and type.
const HEADER: usize = 4;

macro_rules! number {
    ($($name:ident: $type:ty, $from:ident, $order:literal;)*) => {$(
        #[doc = concat!("The number that begins there, in ", $order, " order.")]
        #[must_use]
        pub fn $name(bytes: &[u8], at: usize) -> Option<$type> {
            bytes.get(at..)?.first_chunk().map(|bytes| <$type>::$from(*bytes))
        }
    )*};
}

number! {
    u16_at: u16, from_ne_bytes, "host";
    u32_at: u32, from_ne_bytes, "host";
    u64_at: u64, from_ne_bytes, "host";
    be16_at: u16, from_be_bytes, "network";
    be32_at: u32, from_be_bytes, "network";
}

/// The four bytes of an IPv4 address.
#[must_use]
pub fn ipv4_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    bytes.get(at..)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into())
}

/// The sixteen bytes of an IPv6 address.
#[must_use]
pub fn ipv6_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    bytes.get(at..)?.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into())
}

/// The attributes one after another: type and body. It ends at the first that does not fit.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & TYPE_MASK;
        let body = rest.get(HEADER..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// The body of the first attribute of a type.
#[must_use]
pub fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, body)| body)
}

/// Messages and attributes begin at multiples of four. Never below four, so that every step goes on.
pub(crate) fn aligned(length: usize) -> usize {
    length.next_multiple_of(4).max(4)
}
