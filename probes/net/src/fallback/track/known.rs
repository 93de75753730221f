//! What is remembered of a socket between two looks.

use std::net::SocketAddr;

use gopher_netlink::sock_diag::{Sock, State};

use super::Owners;
use crate::fallback::observe::turned;
use crate::fallback::sums::{Counters, Endpoint, Role};

/// How often it is asked whose a socket is before it is taken for that of a process out of scope.
const ASK: u8 = 3;

/// Whose a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Unknown {
        asked: u8,
    },
    /// Of no process in scope.
    Nobody,
    Process(u32),
}

impl Owner {
    pub(super) fn process(self) -> Option<u32> {
        if let Self::Process(tgid) = self { Some(tgid) } else { None }
    }
}

/// A socket that was seen.
#[derive(Debug)]
pub(super) struct Known {
    inode: u32,
    pub(super) owner: Owner,
    pub(super) role: Option<Role>,
    /// Who really serves.
    pub(super) server: Option<SocketAddr>,
    /// What has been added up already.
    pub(super) before: Counters,
    /// It began after the first look, and that has not been added.
    begins: bool,
    /// The number of the last look that saw it.
    pub(super) seen: u32,
}

impl Known {
    /// A socket that was there before anybody looked begins with what it has counted by now.
    pub(super) fn new(sock: &Sock, first_look: bool) -> Self {
        Self {
            inode: 0,
            owner: Owner::Unknown { asked: 0 },
            role: None,
            server: None,
            before: if first_look { Counters::of(sock) } else { Counters::default() },
            begins: !first_look,
            seen: 0,
        }
    }

    /// True where its owner is to be found out.
    pub(super) fn asks(&self, sock: &Sock) -> bool {
        let accepted = self.inode != sock.inode && self.owner == Owner::Nobody;
        accepted || matches!(self.owner, Owner::Unknown { .. })
    }

    pub(super) fn ask_anew(&mut self) {
        if self.owner == Owner::Nobody {
            self.owner = Owner::Unknown { asked: 0 };
        }
    }

    /// Finds the owner, where the socket is open in a process.
    pub(super) fn settle(&mut self, sock: &Sock, owners: &Owners) {
        if sock.inode == 0 || !self.asks(sock) {
            return;
        }
        self.inode = sock.inode;
        let asked = if let Owner::Unknown { asked } = self.owner { asked + 1 } else { 1 };
        self.owner = match owners.get(&sock.inode) {
            Some(tgid) => Owner::Process(*tgid),
            None if asked >= ASK => Owner::Nobody,
            None => Owner::Unknown { asked },
        };
    }

    /// Drops since the last look, which are counted as soon as it is known whose they are.
    pub(super) fn dropped(&mut self, sock: &Sock) -> Option<u64> {
        let now = Counters::of(sock);
        let dropped = turned(self.before.drops, now.drops);
        if !matches!(self.owner, Owner::Unknown { .. }) {
            self.before = now;
        }
        dropped
    }

    /// What is new of its handshake.
    pub(super) fn handshake(&mut self, sock: &Sock, now: &Counters) -> Option<Endpoint> {
        let mut new = Endpoint::default();
        if sock.state == State::SynSent {
            new.retran_syn = turned(self.before.retrans, now.retrans);
        } else if std::mem::take(&mut self.begins) {
            match self.role {
                Some(Role::Server) => new.passive_open = Some(1),
                _ => new.active_open = Some(1),
            }
        }
        (new != Endpoint::default()).then_some(new)
    }
}
