//! Connections that the kernel sends elsewhere: who serves in place of a service's address (`nf_conntrack`).

mod recent;
mod tuple;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use self::recent::Recent;
use self::tuple::{Change, Tuple};
use crate::socket::{Error, Protocol, Socket};

/// Bytes of queue in the kernel: some ten thousand changes between two looks.
const QUEUE: usize = 8 << 20;
/// So much time is between two dumps at least, however often changes are lost.
const HEAL: Duration = Duration::from_secs(5);

/// Which backends serve the connections of one network namespace.
#[derive(Debug)]
pub struct Backends {
    changes: Socket,
    known: Recent<Tuple, SocketAddr>,
    /// Changes were lost since the last dump.
    stale: bool,
    dumped: Instant,
    counts: Counts,
}

/// How whole the knowledge is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often changes were lost because they were not read in time; a dump makes up for those that still exist.
    pub overruns: u64,
    /// Translations forgotten for lack of room.
    pub forgotten: u64,
}

impl Backends {
    /// Reads what is translated in this thread's network namespace and hears of changes from now on. At most so many
    /// translations are kept, the latest used.
    ///
    /// # Errors
    /// Without `CAP_NET_ADMIN`, or without connection tracking in the kernel.
    pub fn open(most: usize) -> Result<Self, Error> {
        let changes = Socket::open(Protocol::Netfilter)?;
        changes.subscribe(tuple::GROUPS, QUEUE)?;
        let mut backends = Self {
            changes,
            known: Recent::new(most),
            stale: false,
            dumped: Instant::now(),
            counts: Counts::default(),
        };
        backends.dump()?;
        Ok(backends)
    }

    /// Takes in what has changed. To be called every few seconds.
    ///
    /// # Errors
    /// Those of the sockets; losses are none: they are counted, and a dump makes up for them.
    pub fn refresh(&mut self) -> Result<(), Error> {
        let known = &mut self.known;
        let received = self.changes.drain(|message| {
            if let Some(change) = tuple::change(message) {
                take(known, change);
            }
        })?;
        if received.lost || received.more {
            self.counts.overruns += 1;
            self.stale = true;
        }
        if self.stale && self.dumped.elapsed() >= HEAL {
            self.dump()?;
        }
        Ok(())
    }

    /// Who serves this connection of TCP instead of the address that the client asked for; `None` where that one does.
    pub fn of(&mut self, client: SocketAddr, service: SocketAddr) -> Option<SocketAddr> {
        self.known.get(&Tuple { from: client, to: service })
    }

    /// How whole the knowledge is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { forgotten: self.known.forgotten(), ..self.counts }
    }

    fn dump(&mut self) -> Result<(), Error> {
        // On a socket of its own, so that no change is taken for an answer.
        let mut socket = Socket::open(Protocol::Netfilter)?;
        let known = &mut self.known;
        socket.dump(tuple::GET, &tuple::REQUEST, |message| {
            if let Some(change @ Change::Begins { .. }) = tuple::change(message) {
                take(known, change);
            }
        })?;
        self.stale = false;
        self.dumped = Instant::now();
        Ok(())
    }
}

fn take(known: &mut Recent<Tuple, SocketAddr>, change: Change) {
    match change {
        Change::Begins { tuple, backend: Some(backend) } => known.insert(tuple, backend),
        // What had this tuple before is over.
        Change::Begins { tuple, backend: None } => known.remove(&tuple),
        Change::Ends(tuple) => known.retire(&tuple),
    }
}

impl AsFd for Backends {
    /// Readable when there are changes.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}
