//! The batches that wait for the receiver: in order, bounded, each counted to its end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::sync::lock;
use crate::telemetry::ExportCounters;

/// The body of one request.
#[derive(Clone, Debug)]
pub(in crate::export) struct Batch {
    /// The body.
    pub(in crate::export) body: Bytes,
    /// What of the store is in it, as the exporter counts it.
    pub(in crate::export) rows: u64,
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) enum Bound {
    /// So many batches.
    Batches(u64),
    /// So many bytes of their bodies.
    Bytes(u64),
}

/// Batches between the one who makes them and the one who sends them.
#[derive(Debug)]
pub(in crate::export) struct Queue {
    name: &'static str,
    bound: Bound,
    counters: ExportCounters,
    waiting: Mutex<Waiting>,
    news: Notify,
    /// Said already, and nothing was sent since.
    overflows: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    bytes: u64,
    closed: bool,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Sent,
    Failed,
    Dropped,
}

impl Queue {
    /// An empty one.
    pub(in crate::export) fn new(name: &'static str, bound: Bound, counters: ExportCounters) -> Self {
        Self {
            name,
            bound,
            counters,
            waiting: Mutex::default(),
            news: Notify::new(),
            overflows: AtomicBool::new(false),
        }
    }

    /// Adds a new batch at the end; where there is no room the oldest goes.
    pub(in crate::export) fn push(&self, batch: Batch) {
        self.counters.queued.add(gauge(batch.rows));
        let mut waiting = lock(&self.waiting);
        waiting.bytes += size(&batch);
        waiting.batches.push_back(batch);
        self.shed(waiting);
        self.news.notify_one();
    }

    /// Gives back the batch that was taken last, to be the next again. It is the oldest: where there is no room left,
    /// it goes.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut waiting = lock(&self.waiting);
        waiting.bytes += size(&batch);
        waiting.batches.push_front(batch);
        self.shed(waiting);
    }

    /// Drops the oldest as long as there are too many.
    fn shed(&self, mut waiting: MutexGuard<'_, Waiting>) {
        while match self.bound {
            Bound::Batches(most) => waiting.batches.len() as u64 > most,
            Bound::Bytes(most) => waiting.bytes > most,
        } {
            let Some(oldest) = waiting.pop() else { break };
            self.overflow(&oldest);
        }
    }

    fn overflow(&self, oldest: &Batch) {
        self.end(oldest, Fate::Dropped);
        if !self.overflows.swap(true, Ordering::Relaxed) {
            tracing::error!(
                exporter = self.name,
                queue = ?self.bound,
                "The queue is full and its oldest batch was dropped, as others will be; a larger queue in [export.{}] \
                 bridges longer outages.",
                self.name
            );
        }
    }

    /// Waits for the oldest batch; nothing when there will be none any more.
    pub(in crate::export) async fn take(&self) -> Option<Batch> {
        loop {
            {
                let mut waiting = lock(&self.waiting);
                if let Some(batch) = waiting.pop() {
                    return Some(batch);
                }
                if waiting.closed {
                    return None;
                }
            }
            self.news.notified().await;
        }
    }

    /// Says that nothing will be added.
    pub(in crate::export) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.news.notify_one();
    }

    /// Counts a batch that has been taken, of whose rows some were refused.
    pub(super) fn partly(&self, batch: &Batch, refused: u64) {
        let refused = refused.min(batch.rows);
        self.counters.failed.inc_by(refused);
        self.counters.sent.inc_by(batch.rows - refused);
        self.counters.queued.sub(gauge(batch.rows));
    }

    /// Counts a batch that has been taken.
    pub(super) fn end(&self, batch: &Batch, fate: Fate) {
        let counter = match fate {
            Fate::Sent => &self.counters.sent,
            Fate::Failed => &self.counters.failed,
            Fate::Dropped => &self.counters.dropped,
        };
        counter.inc_by(batch.rows);
        if fate == Fate::Sent {
            self.overflows.store(false, Ordering::Relaxed);
        }
        self.counters.queued.sub(gauge(batch.rows));
    }

    /// Drops and counts all that waits; how many rows it was.
    pub(in crate::export) fn abandon(&self) -> u64 {
        let left = std::mem::take(&mut lock(&self.waiting).batches);
        left.iter().for_each(|batch| self.end(batch, Fate::Dropped));
        left.iter().map(|batch| batch.rows).sum()
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Batch> {
        let batch = self.batches.pop_front()?;
        self.bytes -= size(&batch);
        Some(batch)
    }
}

fn size(batch: &Batch) -> u64 {
    batch.body.len() as u64
}

fn gauge(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
