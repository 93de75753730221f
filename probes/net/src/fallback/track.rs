//! The sockets of one network namespace from look to look.

mod known;
mod listeners;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use gopher_netlink::sock_diag::{Sock, State};

use self::known::{Known, Owner};
use self::listeners::Listeners;
pub(crate) use self::listeners::Queues;
use super::observe;
use super::sums::{Counters, DatagramKey, Key, Role, Sums, add};
use crate::programs::Bounds;

/// The most sockets of one namespace that are kept.
const MOST: usize = 100_000;

/// Processes by the inodes of their open sockets.
pub(crate) type Owners = HashMap<u32, u32>;

/// What a look needs beside the sockets.
pub(crate) struct Look<'a> {
    pub(crate) owners: &'a Owners,
    /// A series per port of the client.
    pub(crate) by_client_port: bool,
    /// Who serves in place of an address: of a client and the address that it asked for.
    pub(crate) translate: &'a mut dyn FnMut(SocketAddr, SocketAddr) -> Option<SocketAddr>,
    /// Of the histograms.
    pub(crate) bounds: &'a Bounds,
    /// Ports that the kernel chooses.
    pub(crate) chosen: RangeInclusive<u16>,
    pub(crate) sums: &'a mut Sums,
}

/// The sockets of one protocol in a namespace.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    known: HashMap<u64, Known>,
    listeners: Listeners,
    /// The number of looks. What was there before the first one is not counted.
    looks: u32,
    /// Connections that began between two looks and were seen.
    pub(crate) begun: u64,
    /// Sockets that found no room, since the start.
    pub(crate) no_room: u64,
}

impl Tracker {
    /// Inodes of sockets whose owner is to be found out.
    pub(crate) fn wanted(&self, socks: &[Sock]) -> HashSet<u32> {
        let unknown = |sock: &&Sock| self.known.get(&sock.cookie).is_none_or(|known| known.asks(sock));
        socks.iter().filter(|sock| sock.inode != 0).filter(unknown).map(|sock| sock.inode).collect()
    }

    /// The scope is another: who was out of it may be in it.
    pub(crate) fn ask_anew(&mut self) {
        self.known.values_mut().for_each(Known::ask_anew);
    }

    /// A look at all TCP sockets.
    pub(crate) fn tcp(&mut self, socks: &[Sock], queues: Queues, look: &mut Look<'_>) {
        self.looks = self.looks.wrapping_add(1);
        self.listeners.clear();
        for sock in socks.iter().filter(|sock| sock.state == State::Listen) {
            if let Some(known) = self.meet(sock, look.owners) {
                let (owner, drops) = (known.owner.process(), known.dropped(sock));
                self.listeners.add(sock, owner, drops);
            }
        }
        self.listeners.tell(queues, look.sums);
        for sock in socks.iter().filter(|sock| sock.tcp.is_some() && sock.state != State::Listen) {
            self.connection(sock, look);
        }
        self.forget();
    }

    /// A look at all UDP sockets.
    pub(crate) fn udp(&mut self, socks: &[Sock], look: &mut Look<'_>) {
        self.looks = self.looks.wrapping_add(1);
        for sock in socks {
            let Some(known) = self.meet(sock, look.owners) else { continue };
            let (owner, dropped) = (known.owner.process(), known.dropped(sock));
            if let Some((tgid, dropped)) = owner.zip(dropped)
                && let Some(sum) = look.sums.datagrams(datagram_key(tgid, sock, &look.chosen))
            {
                *sum = sum.saturating_add(dropped);
            }
        }
        self.forget();
    }

    fn connection(&mut self, sock: &Sock, look: &mut Look<'_>) {
        let listener = self.listeners.of(sock.local);
        let begins = self.looks > 1 && !self.known.contains_key(&sock.cookie);
        self.begun += u64::from(begins);
        let Some(known) = self.meet(sock, look.owners) else { return };
        let role = *known.role.get_or_insert(if listener.is_some() { Role::Server } else { Role::Client });
        // What nobody has accepted is the listener's.
        let waiting = listener.flatten().filter(|_| sock.inode == 0);
        let now = Counters::of(sock);
        let Some(tgid) = known.owner.process().or(waiting) else {
            if known.owner == Owner::Nobody {
                known.before = now;
            }
            return;
        };
        let server = *known.server.get_or_insert_with(|| match role {
            Role::Server => sock.local,
            Role::Client => (look.translate)(sock.local, sock.remote).unwrap_or(sock.remote),
        });
        let client = if role == Role::Server { sock.remote } else { sock.local };
        let key = Key {
            tgid,
            role,
            client: Some(client.ip()),
            client_port: if look.by_client_port { client.port() } else { 0 },
            server: server.ip(),
            server_port: server.port(),
        };
        if let Some(shook) = known.handshake(sock, &now)
            && let Some(endpoint) = look.sums.endpoint(key)
        {
            add(&mut endpoint.passive_open, shook.passive_open);
            add(&mut endpoint.active_open, shook.active_open);
            add(&mut endpoint.retran_syn, shook.retran_syn);
        }
        if let Some(flow) = look.sums.flow(key) {
            now.add_since(&known.before, flow);
            observe::look(flow, sock, look.bounds);
            known.before = now;
        }
    }

    /// What is known of a socket; `None` where there is no room for it.
    fn meet(&mut self, sock: &Sock, owners: &Owners) -> Option<&mut Known> {
        if self.known.len() >= MOST && !self.known.contains_key(&sock.cookie) {
            self.no_room += 1;
            return None;
        }
        let (first, looks) = (self.looks == 1, self.looks);
        let known = self.known.entry(sock.cookie).or_insert_with(|| Known::new(sock, first));
        known.seen = looks;
        known.settle(sock, owners);
        Some(known)
    }

    /// Forgets the sockets that are gone.
    fn forget(&mut self) {
        let looks = self.looks;
        self.known.retain(|_, known| known.seen == looks);
    }
}

fn datagram_key(tgid: u32, sock: &Sock, chosen: &RangeInclusive<u16>) -> DatagramKey {
    let fixed = sock.remote.port() != 0;
    DatagramKey {
        tgid,
        local: sock.local.ip(),
        local_port: if fixed || chosen.contains(&sock.local.port()) { 0 } else { sock.local.port() },
        remote: fixed.then_some(sock.remote.ip()),
        remote_port: sock.remote.port(),
    }
}

#[cfg(test)]
mod tests;
