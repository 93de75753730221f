//! Connections as the kernel tells them, and hostile messages.

use proptest::prelude::*;

use super::*;
use crate::message::messages;
use crate::testing::{attribute, message};

const CLIENT: &str = "10.0.0.1:40000";
const SERVICE: &str = "10.96.0.10:80";
const BACKEND: &str = "10.244.1.7:8080";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn tuple_bytes(from: SocketAddr, to: SocketAddr, protocol: u8) -> Vec<u8> {
    let ip = |address: SocketAddr, v4: u16, v6: u16| match address.ip() {
        IpAddr::V4(ip) => attribute(v4, &ip.octets()),
        IpAddr::V6(ip) => attribute(v6, &ip.octets()),
    };
    let ips = [ip(from, CTA_IP_V4_SRC, CTA_IP_V6_SRC), ip(to, CTA_IP_V4_DST, CTA_IP_V6_DST)].concat();
    let ports = [
        attribute(CTA_PROTO_NUM, &[protocol]),
        attribute(CTA_PROTO_SRC_PORT, &from.port().to_be_bytes()),
        attribute(CTA_PROTO_DST_PORT, &to.port().to_be_bytes()),
    ];
    // The kernel marks nested attributes.
    [attribute(CTA_TUPLE_IP | 0x8000, &ips), attribute(CTA_TUPLE_PROTO | 0x8000, &ports.concat())].concat()
}

fn connection(kind: u16, protocol: u8, reply: (&str, &str)) -> Vec<u8> {
    let original = tuple_bytes(at(CLIENT), at(SERVICE), protocol);
    let mut body = REQUEST.to_vec();
    body.extend(attribute(CTA_TUPLE_ORIG | 0x8000, &original));
    body.extend(attribute(CTA_TUPLE_REPLY | 0x8000, &tuple_bytes(at(reply.0), at(reply.1), protocol)));
    message(kind, 0, &body)
}

fn only(bytes: &[u8]) -> Option<Change> {
    change(messages(bytes).next()?)
}

fn tuple_of() -> Tuple {
    Tuple { from: at(CLIENT), to: at(SERVICE) }
}

#[test]
fn who_answers_is_the_backend() {
    let found = only(&connection(NEW, TCP, (BACKEND, CLIENT)));
    assert_eq!(found, Some(Change::Begins { tuple: tuple_of(), backend: Some(at(BACKEND)) }));
}

#[test]
fn a_client_that_is_translated_has_the_server_that_it_asked() {
    let found = only(&connection(NEW, TCP, (SERVICE, "192.0.2.1:1")));
    assert_eq!(found, Some(Change::Begins { tuple: tuple_of(), backend: None }));
}

#[test]
fn an_end_names_the_connection() {
    assert_eq!(only(&connection(DELETE, TCP, (BACKEND, CLIENT))), Some(Change::Ends(tuple_of())));
}

#[test]
fn other_protocols_are_left_out() {
    assert_eq!(only(&connection(NEW, 17, (BACKEND, CLIENT))), None);
    assert_eq!(only(&connection(GET, TCP, (BACKEND, CLIENT))), None);
}

proptest! {
    #[test]
    fn a_damaged_message_does_not_panic(at in 0usize..400, byte: u8, cut in 0usize..400) {
        let mut bytes = connection(NEW, TCP, (BACKEND, CLIENT));
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut.max(1));
        only(&bytes);
    }

    #[test]
    fn no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        only(&message(NEW, 0, &bytes));
        assert!(messages(&bytes).filter_map(change).count() <= bytes.len());
    }
}
