//! The batches that wait for the receiver: in order, bounded, each counted to its end.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::batch::Batch;
use crate::sync::lock;
use crate::telemetry::ExportCounters;

/// Batches between the one who makes them and the one who sends them.
#[derive(Debug)]
pub(super) struct Queue {
    bound: usize,
    counters: ExportCounters,
    waiting: Mutex<Waiting>,
    news: Notify,
    /// Said already, and nothing was sent since.
    overflows: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
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
    /// An empty one for so many batches.
    pub(super) fn new(bound: usize, counters: ExportCounters) -> Self {
        Self {
            bound,
            counters,
            waiting: Mutex::default(),
            news: Notify::new(),
            overflows: AtomicBool::new(false),
        }
    }

    /// Adds a new batch at the end; where there is no room the oldest goes.
    pub(super) fn push(&self, batch: Batch) {
        self.counters.queued.add(gauge(batch.rows));
        let mut waiting = lock(&self.waiting);
        waiting.batches.push_back(batch);
        let oldest = (waiting.batches.len() > self.bound).then(|| waiting.batches.pop_front()).flatten();
        drop(waiting);
        self.news.notify_one();
        if let Some(oldest) = oldest {
            self.overflow(&oldest);
        }
    }

    /// Gives back the batch that was taken last, to be the next again. It is the oldest: where there is no room left,
    /// it goes.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut waiting = lock(&self.waiting);
        if waiting.batches.len() < self.bound {
            waiting.batches.push_front(batch);
            return;
        }
        drop(waiting);
        self.overflow(&batch);
    }

    fn overflow(&self, oldest: &Batch) {
        self.end(oldest, Fate::Dropped);
        if !self.overflows.swap(true, Ordering::Relaxed) {
            tracing::error!(
                queue = self.bound,
                "The queue of remote-write is full and its oldest batch was dropped, as others will be; a larger queue \
                 in [export.remote_write] bridges longer outages."
            );
        }
    }

    /// Waits for the oldest batch; nothing when there will be none any more.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            {
                let mut waiting = lock(&self.waiting);
                if let Some(batch) = waiting.batches.pop_front() {
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
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.news.notify_one();
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
    pub(super) fn abandon(&self) -> u64 {
        let left = std::mem::take(&mut lock(&self.waiting).batches);
        left.iter().for_each(|batch| self.end(batch, Fate::Dropped));
        left.iter().map(|batch| batch.rows).sum()
    }
}

fn gauge(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
