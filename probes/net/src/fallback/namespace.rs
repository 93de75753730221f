//! One network namespace: its dumps, and what it counts as a whole.

use std::io;

use gopher_netlink::namespace::{Id, within};
use gopher_netlink::sock_diag::{Sock, Transport, dump};
use gopher_netlink::{Protocol, Socket};
use gopher_procfs::net::{netstat, snmp};

use super::processes::Processes;
use super::track::{Queues, Tracker};

/// The most sockets that one look takes in.
const MOST: usize = 100_000;

/// A namespace from look to look.
#[derive(Debug, Default)]
pub(crate) struct Namespace {
    pub(crate) tcp: Tracker,
    pub(crate) udp: Tracker,
    /// Totals at the last look.
    refused: Queues,
    /// Connections begun before the first look.
    opens: Option<u64>,
    /// Connections that were over before anybody looked.
    pub(crate) unseen: u64,
}

/// The sockets of a namespace at one time.
#[derive(Debug, Default)]
pub(crate) struct Dump {
    pub(crate) tcp: Vec<Sock>,
    pub(crate) udp: Vec<Sock>,
    /// Sockets beyond what a look takes in.
    pub(crate) left_out: u64,
}

/// What the namespace as a whole has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    refused: Queues,
    /// Connections begun, from either side.
    opens: Option<u64>,
}

impl Totals {
    /// As one of its processes sees it.
    pub(crate) fn read(processes: &Processes, pid: u32) -> Self {
        let read = |file| std::fs::read(processes.path(pid, file)).unwrap_or_default();
        let (queues, tcp) = (netstat(&read("net/netstat")), snmp(&read("net/snmp")));
        let requests = match (queues.request_queue_drops, queues.request_queue_cookies) {
            (None, None) => None,
            (drops, cookies) => Some(drops.unwrap_or(0).saturating_add(cookies.unwrap_or(0))),
        };
        Self {
            refused: Queues { accept: queues.listen_overflows, requests },
            opens: tcp.tcp_active_opens.zip(tcp.tcp_passive_opens).map(|(active, passive)| active + passive),
        }
    }
}

impl Namespace {
    /// True until it is known how many connections there were before the first look.
    pub(crate) fn is_new(&self) -> bool {
        self.opens.is_none()
    }

    /// What the queues of listeners have refused since the last look.
    pub(crate) fn refused(&mut self, now: Totals) -> Queues {
        let before = std::mem::replace(&mut self.refused, now.refused);
        let since = |before: Option<u64>, now: Option<u64>| Some(now?.saturating_sub(before?));
        Queues {
            accept: since(before.accept, now.refused.accept),
            requests: since(before.requests, now.refused.requests),
        }
    }

    /// Compares what the kernel counted before the look with what the looks have seen.
    pub(crate) fn count_unseen(&mut self, before_the_look: Totals) {
        match (self.opens, before_the_look.opens) {
            (Some(first), Some(now)) => {
                let unseen = now.saturating_sub(first).saturating_sub(self.tcp.begun);
                self.unseen = self.unseen.max(unseen);
            }
            (None, now) => self.opens = now,
            (Some(_), None) => {}
        }
    }
}

/// All sockets of a namespace, entered by one of its processes; `None` where all of them have ended.
///
/// # Errors
/// When it may not be entered, or the kernel does not tell.
pub(crate) fn look(processes: &Processes, id: Id, pids: &[u32]) -> io::Result<Option<(u32, Dump)>> {
    let own = Id::own().ok() == Some(id);
    for pid in pids.iter().copied() {
        let found = if own { sockets() } else { within(&processes.path(pid, "ns/net"), sockets) };
        match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !own => {}
            found => return Ok(Some((pid, found?))),
        }
    }
    Ok(None)
}

fn sockets() -> io::Result<Dump> {
    let mut found = Dump::default();
    let mut socket = Socket::open(Protocol::SockDiag)?;
    for (transport, into) in [(Transport::Tcp, &mut found.tcp), (Transport::Udp, &mut found.udp)] {
        dump(&mut socket, transport, |sock| {
            if into.len() < MOST {
                into.push(sock.clone());
            } else {
                found.left_out += 1;
            }
        })?;
    }
    Ok(found)
}
