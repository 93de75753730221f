//! A run of messages: in memory, in a file of the spool, or both; which of them are done with.

use std::io;

use super::frame;
use super::message::Message;
use super::spool::{Found, Spool, is_missing};

/// A chunk takes no more messages once it has so many bytes.
pub(super) const FULL: usize = 1 << 20;

/// Messages in the order in which they came.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The number in its file's name.
    file: u64,
    /// The messages; empty when they are in the file alone.
    bytes: Vec<u8>,
    /// Where each message begins; empty when `bytes` is.
    starts: Vec<u32>,
    /// Bytes of all messages.
    length: usize,
    /// How many messages.
    count: usize,
    /// Bytes that the file holds.
    written: usize,
    /// Those that are done with; as long as `count` once one is.
    done: Vec<bool>,
    open: usize,
}

impl Chunk {
    pub(super) fn new(file: u64) -> Self {
        let (bytes, starts, done) = (Vec::new(), Vec::new(), Vec::new());
        Self { file, bytes, starts, length: 0, count: 0, written: 0, done, open: 0 }
    }

    /// One that an earlier run has left in the spool.
    pub(super) fn found(found: &Found) -> Self {
        let mut chunk = Self::new(found.file);
        (chunk.length, chunk.written) = (found.length, found.length);
        (chunk.count, chunk.open) = (found.count, found.count);
        chunk
    }

    /// Bytes of its messages.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Bytes that it holds in memory.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len()
    }

    /// Messages that are not done with.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether all that came has been done with.
    pub(super) fn finished(&self) -> bool {
        self.open == 0
    }

    /// Whether it takes no more.
    pub(super) fn full(&self) -> bool {
        self.length >= FULL
    }

    /// Whether it has messages that are not in memory.
    pub(super) fn away(&self) -> bool {
        self.bytes.len() < self.length
    }

    pub(super) fn push(&mut self, message: &Message<'_>) {
        self.starts.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        frame::write(message, &mut self.bytes);
        self.length = self.bytes.len();
        self.count += 1;
        self.open += 1;
        if !self.done.is_empty() {
            self.done.push(false);
        }
    }

    /// Message `index`, unless it is done with. The chunk must be in memory.
    pub(super) fn message(&self, index: usize) -> Option<Message<'_>> {
        if self.is_done(index) {
            return None;
        }
        frame::again(&self.bytes, *self.starts.get(index)? as usize)
    }

    fn is_done(&self, index: usize) -> bool {
        self.done.get(index).copied().unwrap_or(false)
    }

    /// Marks a message as done with; false when it was already.
    pub(super) fn finish(&mut self, index: usize) -> bool {
        self.done.resize(self.count, false);
        match self.done.get_mut(index) {
            Some(done) if !*done => *done = true,
            _ => return false,
        }
        self.open -= 1;
        true
    }

    /// Writes what the file lacks, all of it where somebody has removed the file. When that fails the file holds as
    /// many whole messages as could be written.
    pub(super) fn write(&mut self, spool: &Spool) -> io::Result<()> {
        if self.away() {
            return Ok(());
        }
        self.written = self.written.min(spool.length(self.file)?);
        if self.written == self.length {
            return Ok(());
        }
        let result = spool.write(self.file, &self.bytes[self.written..], self.written);
        if result.is_ok() {
            self.written = self.length;
            return Ok(());
        }
        self.written = self.whole(spool.length(self.file)?);
        // The end of a message that cannot be cut off is left out by the next run.
        result.and(spool.cut(self.file, self.written))
    }

    /// Where the last message ends that is whole within so many bytes.
    fn whole(&self, bytes: usize) -> usize {
        if bytes >= self.length {
            return self.length;
        }
        let after = self.starts.partition_point(|start| *start as usize <= bytes);
        after.checked_sub(1).and_then(|last| self.starts.get(last)).map_or(0, |start| *start as usize)
    }

    /// Gives its memory back where the file holds everything.
    pub(super) fn leave_memory(&mut self) {
        if self.written == self.length {
            (self.bytes, self.starts) = (Vec::new(), Vec::new());
        }
    }

    /// Takes the messages back from the file. Those that cannot be read any more are lost; their number is returned.
    pub(super) fn fetch(&mut self, spool: &Spool) -> usize {
        let bytes = spool.read(self.file).unwrap_or_else(|error| {
            if !is_missing(&error) {
                tracing::error!(file = %spool.path(self.file).display(), %error, "A file of the Kafka spool cannot be read.");
            }
            Vec::new()
        });
        let starts = starts(&bytes);
        let (had, length) = (self.open, end(&bytes, &starts));
        self.bytes = bytes;
        self.bytes.truncate(length);
        self.written = length;
        self.length = length;
        self.count = starts.len().min(self.count);
        self.starts = starts;
        self.done.truncate(self.count);
        self.open = self.count - self.done.iter().filter(|done| **done).count();
        had - self.open.min(had)
    }

    /// Leaves in the file exactly what is not done with, or no file. What the file cannot take is gone from the chunk
    /// as well.
    pub(super) fn keep(&mut self, spool: &Spool) -> io::Result<()> {
        if self.away() && (self.open < self.count || spool.length(self.file)? < self.length) {
            self.fetch(spool);
        }
        let kept = if self.finished() {
            spool.remove(self.file)
        } else if self.open == self.count {
            self.write(spool)
        } else {
            self.compact(spool)
        };
        if kept.is_err() && !self.away() {
            self.forget_unwritten();
        }
        kept
    }

    /// Replaces the file by one without what is done with.
    fn compact(&mut self, spool: &Spool) -> io::Result<()> {
        let mut rest = Self::new(self.file);
        (0..self.count).filter_map(|index| self.message(index)).for_each(|message| rest.push(&message));
        match spool.replace(self.file, &rest.bytes) {
            Ok(()) => rest.written = rest.length,
            // There is no room for both.
            Err(_) => spool.remove(self.file)?,
        }
        *self = rest;
        self.write(spool)
    }

    fn forget_unwritten(&mut self) {
        self.count = self.starts.partition_point(|start| (*start as usize) < self.written);
        self.length = self.whole(self.written);
        self.bytes.truncate(self.length);
        self.starts.truncate(self.count);
        self.done.truncate(self.count);
        self.open = self.count - self.done.iter().filter(|done| **done).count();
    }

    /// Removes its file.
    pub(super) fn discard(&mut self, spool: Option<&Spool>) {
        let Some(spool) = spool.filter(|_| self.written > 0) else { return };
        if let Err(error) = spool.remove(self.file) {
            tracing::error!(file = %spool.path(self.file).display(), %error, "A file of the Kafka spool cannot be removed; its messages will be sent again.");
        }
    }
}

/// Where each whole message begins.
pub(super) fn starts(bytes: &[u8]) -> Vec<u32> {
    let mut at = 0;
    let mut starts = Vec::new();
    while let Some((_, next)) = frame::read(bytes, at) {
        starts.push(u32::try_from(at).unwrap_or(u32::MAX));
        at = next;
    }
    starts
}

/// Where the last whole message ends.
pub(super) fn end(bytes: &[u8], starts: &[u32]) -> usize {
    starts.last().and_then(|at| frame::read(bytes, *at as usize)).map_or(0, |(_, end)| end)
}
