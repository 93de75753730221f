//! All messages that are not done with, in one order: those on their way, those that wait in memory, those on disk.
//!
//! ```text
//!   oldest                         cursor                      newest
//!     |  handed to the client        |  wait                      |
//!     [chunk][chunk][chunk   . . . . | . . ][chunk on disk][chunk]   <- push
//! ```
//!
//! A message stays until it is done with, so that whatever happens to the client the cursor only goes back to the
//! first that is not. A chunk goes to disk when no broker takes messages or when memory is short.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use super::chunk::{Chunk, FULL};
use super::frame;
use super::message::Message;
use super::news::Loss;
use super::spool::{Found, Spool};

/// How many low bits of a ticket say which message of its chunk is meant.
const INDEX_BITS: u32 = 24;

/// Names one message of the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) usize);

impl Ticket {
    fn new(chunk: usize, index: usize) -> Self {
        Self(chunk << INDEX_BITS | index)
    }

    fn parts(self) -> (usize, usize) {
        (self.0 >> INDEX_BITS, self.0 & ((1 << INDEX_BITS) - 1))
    }
}

/// How much a backlog may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes in memory.
    pub(super) memory: usize,
    /// Bytes altogether where there is a spool.
    pub(super) spool: usize,
}

/// The messages.
#[derive(Debug)]
pub(super) struct Backlog {
    chunks: VecDeque<Chunk>,
    /// How many chunks have left: the number of the first that is here.
    gone: usize,
    /// The chunk, counted from the first ever, and the message that is next to be handed out.
    cursor: (usize, usize),
    /// Bytes of all chunks.
    length: usize,
    memory: usize,
    open: usize,
    next_file: u64,
    bounds: Bounds,
    spool: Option<Spool>,
    /// What could not be read back from disk since somebody asked.
    lost: usize,
}

impl Backlog {
    /// With what an earlier run has left.
    pub(super) fn new(bounds: Bounds, spool: Option<(Spool, Vec<Found>)>) -> Self {
        let (spool, found) = spool.map_or((None, Vec::new()), |(spool, found)| (Some(spool), found));
        let chunks: VecDeque<_> = found.iter().map(Chunk::found).collect();
        Self {
            length: chunks.iter().map(Chunk::length).sum(),
            open: chunks.iter().map(Chunk::open).sum(),
            next_file: found.last().map_or(0, |found| found.file + 1),
            chunks,
            gone: 0,
            cursor: (0, 0),
            memory: 0,
            bounds,
            spool,
            lost: 0,
        }
    }

    /// Messages that are not done with.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Whether messages can be kept on disk.
    pub(super) fn spools(&self) -> bool {
        self.spool.is_some()
    }

    /// Messages that turned out to be unreadable since the last call.
    pub(super) fn take_lost(&mut self) -> usize {
        std::mem::take(&mut self.lost)
    }

    /// Adds a message, or says why it cannot be kept.
    pub(super) fn push(&mut self, message: &Message<'_>) -> Result<(), Loss> {
        let length = frame::length(message);
        let most = if self.spools() { self.bounds.spool.max(self.bounds.memory) } else { self.bounds.memory };
        if self.length + length > most {
            return Err(Loss::Bounds);
        }
        if !self.has_memory(length) {
            return Err(self.spool.as_ref().and_then(Spool::trouble).map_or(Loss::Bounds, Loss::Disk));
        }
        if self.chunks.back().is_none_or(|last| last.full() || last.away()) {
            self.chunks.push_back(Chunk::new(self.next_file));
            self.next_file += 1;
        }
        if let Some(last) = self.chunks.back_mut() {
            let before = last.length();
            last.push(message);
            self.length += last.length() - before;
            self.memory += last.length() - before;
            self.open += 1;
        }
        Ok(())
    }

    /// Whether so much more fits into memory, after what can be has been put on disk.
    fn has_memory(&mut self, more: usize) -> bool {
        if self.memory + more <= self.bounds.memory {
            return true;
        }
        self.relieve();
        // The chunk that is being filled and the one that is being handed out cannot leave.
        self.memory + more <= self.bounds.memory + if self.spools() { 2 * FULL } else { 0 }
    }

    /// Puts chunks on disk, the last to be needed first, until three quarters of the memory are enough.
    fn relieve(&mut self) {
        let Some(spool) = self.spool.as_mut() else { return };
        let restored = spool.restore();
        if !spool.went_well(restored) {
            return;
        }
        let enough = self.bounds.memory / 4 * 3;
        for place in (0..self.chunks.len().saturating_sub(1)).rev() {
            if self.memory <= enough {
                break;
            }
            let chunk = &mut self.chunks[place];
            if self.gone + place != self.cursor.0 && chunk.memory() > 0 {
                let written = chunk.write(spool);
                if !spool.went_well(written) {
                    break;
                }
                self.memory -= chunk.memory();
                chunk.leave_memory();
            }
        }
    }

    /// Puts everything that is not there on disk, so that an end of the agent loses none of it.
    pub(super) fn secure(&mut self) {
        let Some(spool) = self.spool.as_mut() else { return };
        let restored = spool.restore();
        if !spool.went_well(restored) {
            return;
        }
        for chunk in self.chunks.iter_mut().filter(|chunk| !chunk.finished()) {
            let written = chunk.write(spool);
            if !spool.went_well(written) {
                break;
            }
        }
        self.relieve();
    }

    /// The message at the cursor, and its ticket.
    pub(super) fn peek(&mut self) -> Option<(Ticket, Message<'_>)> {
        loop {
            let (number, index) = self.cursor;
            let place = number.checked_sub(self.gone)?;
            self.fetch(place)?;
            let chunk = self.chunks.get(place)?;
            if index >= chunk.count() {
                // The last one may still grow.
                if place + 1 >= self.chunks.len() {
                    return None;
                }
                self.cursor = (number + 1, 0);
            } else if chunk.message(index).is_none() {
                self.cursor.1 += 1;
            } else {
                break;
            }
        }
        let (number, index) = self.cursor;
        let message = self.chunks.get(number - self.gone)?.message(index)?;
        Some((Ticket::new(number, index), message))
    }

    /// Brings a chunk back into memory where it is not.
    fn fetch(&mut self, place: usize) -> Option<()> {
        let chunk = self.chunks.get_mut(place)?;
        let Some(spool) = self.spool.as_ref().filter(|_| chunk.away()) else { return Some(()) };
        let before = chunk.length();
        let lost = chunk.fetch(spool);
        self.length = self.length + chunk.length() - before;
        self.memory += chunk.memory();
        self.lost += lost;
        self.open -= lost;
        Some(())
    }

    /// The message at the cursor is on its way.
    pub(super) fn advance(&mut self) {
        self.cursor.1 += 1;
    }

    /// Hands out again all that is not done with.
    pub(super) fn rewind(&mut self) {
        self.cursor = (self.gone, 0);
    }

    /// A message is done with; false when it was already.
    pub(super) fn finish(&mut self, ticket: Ticket) -> bool {
        let (number, index) = ticket.parts();
        let Some(place) = number.checked_sub(self.gone) else { return false };
        let last = self.chunks.len().saturating_sub(1);
        let Some(chunk) = self.chunks.get_mut(place) else { return false };
        if !chunk.finish(index) {
            return false;
        }
        self.open -= 1;
        if chunk.finished() && (place < last || chunk.full()) {
            self.drop_finished();
        }
        true
    }

    /// Removes what is done with from the front.
    fn drop_finished(&mut self) {
        while self
            .chunks
            .front()
            .is_some_and(|chunk| chunk.finished() && (self.chunks.len() > 1 || chunk.full()))
        {
            let Some(mut chunk) = self.chunks.pop_front() else { break };
            chunk.discard(self.spool.as_ref());
            self.length -= chunk.length();
            self.memory -= chunk.memory();
            self.gone += 1;
        }
        if self.cursor.0 < self.gone {
            self.cursor = (self.gone, 0);
        }
    }

    /// Nothing waits: what is left is one chunk that has been done with, which a new one replaces.
    pub(super) fn rest(&mut self) {
        if self.open == 0 && !self.chunks.is_empty() {
            for mut chunk in self.chunks.drain(..) {
                chunk.discard(self.spool.as_ref());
                self.gone += 1;
            }
            (self.length, self.memory, self.cursor) = (0, 0, (self.gone, 0));
        }
    }

    /// Leaves on disk exactly what is not done with; how many messages could not be kept, and why.
    pub(super) fn close(mut self) -> BTreeMap<Loss, usize> {
        let Some(spool) = self.spool.as_mut() else { return BTreeMap::from([(Loss::Bounds, self.open)]) };
        let mut lost = BTreeMap::new();
        let restored = spool.restore();
        let is_taken = restored.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        spool.went_well(restored);
        for chunk in &mut self.chunks {
            let before = chunk.open();
            let gone = if is_taken {
                before
            } else {
                let kept = chunk.keep(spool);
                spool.went_well(kept);
                before - chunk.open()
            };
            if gone > 0 {
                *lost.entry(spool.trouble().map_or(Loss::Gone, Loss::Disk)).or_default() += gone;
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests;
