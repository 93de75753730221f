//! Looks at made-up sockets.

use gopher_netlink::sock_diag::{Memory, TcpInfo};

use super::*;
use crate::fallback::sums::Flow;

const SERVER: &str = "10.0.0.1:80";
const CLIENT: &str = "10.0.0.2:40000";
const CHOSEN: RangeInclusive<u16> = 32_768..=60_999;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn sock(cookie: u64, state: State, local: &str, remote: &str) -> Sock {
    Sock {
        state,
        local: at(local),
        remote: at(remote),
        only_v6: false,
        cookie,
        inode: u32::try_from(cookie).unwrap(),
        receive_queue: 0,
        send_queue: 0,
        memory: Some(Memory { drops: Some(0), ..Memory::default() }),
        tcp: Some(TcpInfo::default()),
    }
}

/// A connection with so many bytes received and sent.
fn connection(cookie: u64, local: &str, remote: &str, (received, sent): (u64, u64)) -> Sock {
    let mut sock = sock(cookie, State::Established, local, remote);
    sock.tcp = Some(TcpInfo {
        bytes_received: Some(received),
        bytes_sent: Some(sent),
        bytes_retrans: Some(0),
        ..TcpInfo::default()
    });
    sock
}

fn listener(cookie: u64, local: &str) -> Sock {
    sock(cookie, State::Listen, local, "0.0.0.0:0")
}

struct Host {
    bounds: Bounds,
    tracker: Tracker,
    owners: Owners,
    sums: Sums,
}

impl Host {
    fn with(owners: &[(u32, u32)]) -> Self {
        Self {
            bounds: Bounds::declared().unwrap(),
            tracker: Tracker::default(),
            owners: owners.iter().copied().collect(),
            sums: Sums::default(),
        }
    }

    fn look(&mut self, socks: &[Sock]) {
        self.look_with(socks, Queues::default());
    }

    fn look_with(&mut self, socks: &[Sock], queues: Queues) {
        let mut translate =
            |_: SocketAddr, service: SocketAddr| (service == at("10.96.0.1:80")).then_some(at(SERVER));
        let (owners, sums) = (&self.owners, &mut self.sums);
        let mut look = Look {
            owners,
            by_client_port: false,
            translate: &mut translate,
            bounds: &self.bounds,
            chosen: CHOSEN,
            sums,
        };
        self.tracker.tcp(socks, queues, &mut look);
    }

    /// The only flow.
    fn flow(&self) -> (&Key, &Flow) {
        assert_eq!(self.sums.flows.len(), 1, "{:?}", self.sums.flows);
        self.sums.flows.iter().next().unwrap()
    }

    fn bytes(&self) -> (Option<u64>, Option<u64>) {
        let (_, flow) = self.flow();
        (flow.rx_bytes, flow.tx_bytes)
    }
}

#[test]
fn what_was_there_before_the_first_look_is_not_counted() {
    let mut host = Host::with(&[(1, 100)]);
    host.look(&[connection(1, CLIENT, SERVER, (1000, 2000))]);
    assert_eq!(host.bytes(), (Some(0), Some(0)));
    host.look(&[connection(1, CLIENT, SERVER, (1010, 2500))]);
    assert_eq!(host.bytes(), (Some(10), Some(500)));
}

#[test]
fn a_connection_that_began_since_counts_from_its_beginning() {
    let mut host = Host::with(&[(1, 100)]);
    host.look(&[]);
    host.look(&[connection(1, CLIENT, SERVER, (30, 40))]);
    assert_eq!((host.bytes(), host.tracker.begun), ((Some(30), Some(40)), 1));
    let opened: Vec<_> = host.sums.endpoints.values().map(|endpoint| endpoint.active_open).collect();
    assert_eq!(opened, [Some(1)]);
}

#[test]
fn the_peers_fin_is_no_byte() {
    let mut host = Host::with(&[(1, 100)]);
    host.look(&[]);
    let closing = Sock { state: State::CloseWait, ..connection(1, CLIENT, SERVER, (31, 40)) };
    host.look(&[closing]);
    assert_eq!(host.bytes().0, Some(30));
}

#[test]
fn who_listens_there_is_the_server_even_when_it_listens_no_more() {
    let mut host = Host::with(&[(1, 100), (2, 100)]);
    let connection = |bytes| connection(2, SERVER, CLIENT, bytes);
    host.look(&[listener(1, "0.0.0.0:80"), connection((0, 0))]);
    host.look(&[connection((5, 6))]);
    let (key, _) = host.flow();
    let expected = Key {
        tgid: 100,
        role: Role::Server,
        client: Some(at(CLIENT).ip()),
        client_port: 0,
        server: at(SERVER).ip(),
        server_port: 80,
    };
    assert_eq!((key, host.bytes()), (&expected, (Some(5), Some(6))));
}

#[test]
fn a_listener_elsewhere_makes_nobody_a_server() {
    let mut host = Host::with(&[(1, 100), (2, 100), (3, 100)]);
    let only_v6 = Sock { only_v6: true, local: at("[::]:40000"), ..listener(3, CLIENT) };
    host.look(&[listener(1, "10.9.9.9:40000"), only_v6, connection(2, CLIENT, SERVER, (0, 0))]);
    assert_eq!(host.flow().0.role, Role::Client);
    let both = Sock { local: at("[::]:40000"), ..listener(3, CLIENT) };
    let mut host = Host::with(&[(2, 100)]);
    host.look(&[both, connection(2, CLIENT, SERVER, (0, 0))]);
    assert_eq!(host.flow().0.role, Role::Server);
}

#[test]
fn what_waits_to_be_accepted_is_the_listeners() {
    let mut host = Host::with(&[(1, 100)]);
    let waiting = Sock { inode: 0, ..connection(2, SERVER, CLIENT, (7, 0)) };
    host.look(&[listener(1, SERVER)]);
    host.look(&[listener(1, SERVER), waiting]);
    assert_eq!((host.flow().0.tgid, host.bytes().0), (100, Some(7)));
}

#[test]
fn an_owner_found_late_has_what_came_before() {
    let mut host = Host::with(&[]);
    host.look(&[]);
    host.look(&[connection(1, CLIENT, SERVER, (30, 0))]);
    assert!(host.sums.flows.is_empty());
    host.owners.insert(1, 100);
    host.look(&[connection(1, CLIENT, SERVER, (35, 0))]);
    assert_eq!(host.bytes().0, Some(35));
}

#[test]
fn who_comes_into_scope_has_what_comes_from_then_on() {
    let mut host = Host::with(&[]);
    for _ in 0..5 {
        host.look(&[connection(1, CLIENT, SERVER, (30, 0))]);
    }
    assert!(host.tracker.wanted(&[connection(1, CLIENT, SERVER, (30, 0))]).is_empty(), "it is nobody's");
    host.owners.insert(1, 100);
    host.tracker.ask_anew();
    host.look(&[connection(1, CLIENT, SERVER, (37, 0))]);
    assert_eq!(host.bytes().0, Some(7));
}

#[test]
fn a_closed_socket_keeps_its_owner_while_it_sends_the_rest() {
    let mut host = Host::with(&[(1, 100)]);
    host.look(&[connection(1, CLIENT, SERVER, (0, 0))]);
    host.owners.clear();
    let orphan = Sock { inode: 0, state: State::FinWait1, ..connection(1, CLIENT, SERVER, (0, 90)) };
    host.look(&[orphan]);
    assert_eq!((host.flow().0.tgid, host.bytes().1), (100, Some(90)));
}

#[test]
fn a_translated_service_has_its_backend() {
    let mut host = Host::with(&[(1, 100)]);
    host.look(&[connection(1, CLIENT, "10.96.0.1:80", (0, 0))]);
    assert_eq!((host.flow().0.server, host.flow().0.server_port), (at(SERVER).ip(), 80));
}

#[test]
fn counters_of_four_bytes_go_on_after_their_largest_value() {
    let mut host = Host::with(&[(1, 100)]);
    let segments = |count: u32| {
        let mut sock = connection(1, CLIENT, SERVER, (0, 0));
        sock.tcp.as_mut().unwrap().segs_in = Some(count);
        sock
    };
    host.look(&[segments(u32::MAX - 1)]);
    host.look(&[segments(3)]);
    assert_eq!(host.flow().1.segs_in, Some(5));
}

#[test]
fn what_the_kernel_does_not_tell_stays_unknown() {
    let mut host = Host::with(&[(1, 100)]);
    host.look(&[sock(1, State::Established, CLIENT, SERVER)]);
    let (_, flow) = host.flow();
    assert_eq!((flow.rx_bytes, flow.tx_bytes, flow.segs_in, flow.lost), (None, None, None, None));
    assert_eq!((flow.rcv_looks.count(), flow.measures[0].max), (None, 0));
}

#[test]
fn a_window_of_zero_is_a_share_of_the_looks() {
    let mut host = Host::with(&[(1, 100)]);
    for window in [0, 10, 0, 20] {
        let mut sock = connection(1, CLIENT, SERVER, (0, 0));
        sock.tcp.as_mut().unwrap().snd_wnd = Some(window);
        host.look(&[sock]);
    }
    let (_, flow) = host.flow();
    assert_eq!((flow.snd_looks.count(), flow.snd_looks.share()), (Some(2), Some(0.5)));
}

#[test]
fn drops_of_a_listener_are_told_with_their_reason() {
    let mut host = Host::with(&[(1, 100)]);
    let dropped = |drops| {
        let memory = Some(Memory { drops: Some(drops), ..Memory::default() });
        Sock { memory, ..listener(1, SERVER) }
    };
    host.look(&[dropped(10)]);
    host.look_with(&[dropped(14)], Queues { accept: Some(4), requests: Some(0) });
    let endpoint = host.sums.endpoints.values().next().unwrap();
    assert_eq!(
        (endpoint.listen_drops, endpoint.accept_overflow, endpoint.syn_overflow),
        (Some(4), Some(4), Some(0))
    );
}

#[test]
fn repeated_requests_to_connect_are_counted_while_they_go_on() {
    let mut host = Host::with(&[(1, 100)]);
    let trying = |retrans| {
        let mut sock = sock(1, State::SynSent, CLIENT, SERVER);
        sock.tcp.as_mut().unwrap().total_retrans = Some(retrans);
        sock
    };
    host.look(&[]);
    host.look(&[trying(1)]);
    host.look(&[trying(3)]);
    let endpoint = host.sums.endpoints.values().next().unwrap();
    assert_eq!((endpoint.retran_syn, endpoint.active_open), (Some(3), None));
}

#[test]
fn datagrams_dropped_belong_to_the_socket() {
    let mut host = Host::with(&[(1, 100)]);
    let dropped = |drops, remote: &str| {
        let memory = Some(Memory { drops: Some(drops), ..Memory::default() });
        Sock { memory, tcp: None, ..sock(1, State::Closed, "10.0.0.1:53", remote) }
    };
    for drops in [2, 5] {
        let (owners, sums) = (&host.owners, &mut host.sums);
        let mut look = Look {
            owners,
            by_client_port: false,
            translate: &mut |_, _| None,
            bounds: &host.bounds,
            chosen: CHOSEN,
            sums,
        };
        host.tracker.udp(&[dropped(drops, "0.0.0.0:0")], &mut look);
    }
    let (key, count) = host.sums.datagrams.iter().next().unwrap();
    assert_eq!((key.local_port, key.remote, *count), (53, None, 3));
}

#[test]
fn sockets_that_are_gone_are_forgotten() {
    let mut host = Host::with(&[]);
    host.look(&[connection(1, CLIENT, SERVER, (0, 0))]);
    host.look(&[]);
    assert!(host.tracker.known.is_empty());
}
