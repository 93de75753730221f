//! Sockets as kernels of several ages tell them, hostile messages, and sockets of this process.

use std::net::{TcpListener, TcpStream, UdpSocket};

use proptest::prelude::*;

use super::*;
use crate::Protocol;
use crate::testing::attribute;

/// Bytes of `struct tcp_info` of Linux 4.19 and of 6.12.
const OLD_INFO: usize = 224;
const NEW_INFO: usize = 248;

fn body(family: u8, state: u8, local: &[u8], remote: &[u8]) -> Vec<u8> {
    let mut body = vec![family, state, 0, 0];
    body.extend(1000u16.to_be_bytes());
    body.extend(2000u16.to_be_bytes());
    for address in [local, remote] {
        let from = body.len();
        body.extend(address);
        body.resize(from + 16, 0);
    }
    body.extend([0u32, 7, 1].map(u32::to_ne_bytes).concat());
    body.extend([0u32, 11, 12, 0, 13].map(u32::to_ne_bytes).concat());
    body
}

/// Every byte is 1.
fn info(length: usize) -> Vec<u8> {
    attribute(INET_DIAG_INFO, &vec![1; length])
}

fn v4(extra: &[u8]) -> Sock {
    parse(&[body(AF_INET, 1, &[10, 0, 0, 1], &[10, 0, 0, 2]), extra.to_vec()].concat()).unwrap()
}

#[test]
fn a_socket_has_its_addresses_queues_and_cookie() {
    let sock = v4(&[]);
    assert_eq!(
        (sock.local, sock.remote),
        ("10.0.0.1:1000".parse().unwrap(), "10.0.0.2:2000".parse().unwrap())
    );
    assert_eq!((sock.receive_queue, sock.send_queue, sock.inode), (11, 12, 13));
    assert_eq!((sock.cookie, sock.state), (1 << 32 | 7, State::Established));
    assert_eq!((sock.tcp, sock.memory), (None, None));
}

#[test]
fn what_an_older_kernel_does_not_tell_is_none() {
    let old = v4(&info(OLD_INFO)).tcp.unwrap();
    assert_eq!((old.bytes_sent, old.snd_wnd, old.rcv_wnd), (Some(0x0101_0101_0101_0101), None, None));
    let new = v4(&info(NEW_INFO)).tcp.unwrap();
    assert_eq!((new.snd_wnd, new.rcv_wnd), (Some(0x0101_0101), Some(0x0101_0101)));
    // A number that is cut is none.
    assert_eq!(v4(&info(202)).tcp.unwrap().bytes_sent, None);
    assert_eq!(v4(&info(0)).tcp, Some(TcpInfo::default()));
}

#[test]
fn memory_is_what_the_kernel_gave() {
    let numbers: Vec<u8> = (0..9u32).flat_map(u32::to_ne_bytes).collect();
    let memory = |length: usize| v4(&attribute(INET_DIAG_SKMEMINFO, &numbers[..length])).memory;
    assert_eq!(memory(36), Some(Memory { receive_buffer: 1, send_buffer: 3, drops: Some(8) }));
    assert_eq!(memory(32), Some(Memory { receive_buffer: 1, send_buffer: 3, drops: None }));
    assert_eq!(memory(12), None);
}

#[test]
fn ipv4_within_ipv6_is_ipv4() {
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1];
    let sock = parse(&body(AF_INET6, 1, &mapped, &mapped)).unwrap();
    assert_eq!(sock.local, "10.0.0.1:1000".parse().unwrap());
    let bound = parse(&body(AF_INET6, 7, &mapped, &[0; 16])).unwrap();
    assert_eq!(bound.remote, "0.0.0.0:2000".parse().unwrap());
    let any = parse(&body(AF_INET6, 10, &[0; 16], &[0; 16])).unwrap();
    assert_eq!(any.local, "[::]:1000".parse().unwrap());
}

#[test]
fn other_families_and_states_are_left_out() {
    assert_eq!(parse(&body(1, 1, &[], &[])), None);
    for state in [0, 12, 255] {
        assert_eq!(parse(&body(AF_INET, state, &[], &[])), None, "{state}");
    }
}

proptest! {
    #[test]
    fn no_message_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        parse(&bytes);
        parse(&[body(AF_INET6, 1, &[], &[]), bytes].concat());
    }
}

fn all(transport: Transport) -> Vec<Sock> {
    let mut found = Vec::new();
    let mut socket = Socket::open(Protocol::SockDiag).unwrap();
    dump(&mut socket, transport, |sock| found.push(sock.clone())).unwrap();
    found
}

#[test]
fn both_ends_of_a_connection_and_the_listener_are_there() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let (server, _) = listener.accept().unwrap();
        let all = all(Transport::Tcp);
        let of =
            |state, local: SocketAddr| all.iter().find(|sock| sock.state == state && sock.local == local);
        assert_eq!(of(State::Listen, at).unwrap().remote.port(), 0);
        for end in [&client, &server] {
            let sock = all
                .iter()
                .find(|sock| {
                    sock.local == end.local_addr().unwrap() && sock.remote == end.peer_addr().unwrap()
                })
                .unwrap();
            assert_eq!(sock.state, State::Established);
            assert!(sock.inode != 0 && sock.cookie != 0 && sock.memory.is_some());
            assert_eq!(sock.tcp.unwrap().bytes_sent, Some(0));
        }
    }
}

#[test]
fn a_datagram_socket_is_there_with_its_drops() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sock =
        all(Transport::Udp).into_iter().find(|sock| sock.local == socket.local_addr().unwrap()).unwrap();
    assert_eq!((sock.state, sock.memory.unwrap().drops), (State::Closed, Some(0)));
}
