//! How exporters that push over the network deliver: batches wait in a bounded queue and go out one after the other,
//! each until the receiver has taken or refused it.
//!
//! ```text
//!   snapshots ──> batches ──> queue (bounded, the oldest dropped) ──> send ──> a receiver of the exporter
//!                                             ^                        │         └─ client ── connect: TCP, TLS
//!                                             └──── not now: again ────┘
//! ```

pub(super) mod client;
pub(super) mod connect;
mod failure;
mod queue;
mod send;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub(super) use self::failure::Failure;
pub(super) use self::queue::{Batch, Bound, Queue};
pub(super) use self::send::Receiver;
use self::send::Sending;
use super::push::Feed;
use crate::clock::unix_ms;
use crate::store::{Snapshot, Store};

/// What turns the state of the store into batches.
pub(super) trait Collect: Send + 'static {
    /// The batches of one snapshot, taken at `time` in milliseconds since 1970.
    fn collect(&mut self, snapshot: &Snapshot, time: u64) -> Vec<Batch>;
}

/// One exporter's way out.
pub(super) struct Delivery<R> {
    /// Its name in the log.
    pub(super) name: &'static str,
    /// How much may wait.
    pub(super) bound: Bound,
    /// Time from one snapshot to the next.
    pub(super) interval: Duration,
    /// The other side.
    pub(super) receiver: R,
}

impl<R: Receiver> Delivery<R> {
    /// Pushes until `stop`, then once more.
    pub(super) async fn run(self, collector: impl Collect, feed: Feed, stop: CancellationToken) {
        let Self { name, bound, interval, receiver } = self;
        let queue = Queue::new(name, bound, feed.counters);
        let sending = Sending::new(name, &queue, receiver, stop.clone());
        tokio::join!(collect(collector, interval, &feed.store, &queue, &stop), sending.run());
        let left = queue.abandon();
        if left > 0 {
            tracing::error!(
                exporter = name,
                rows = left,
                "What the receiver did not take in time was dropped."
            );
        }
    }
}

/// Adds batches on the interval, and a last time when told to stop.
async fn collect(
    mut collector: impl Collect,
    period: Duration,
    store: &Arc<Store>,
    queue: &Queue,
    stop: &CancellationToken,
) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            biased;
            () = stop.cancelled() => stopping = true,
            _ = ticks.tick() => {}
        }
        let store = Arc::clone(store);
        // It works for milliseconds per 10,000 series, on a thread that may.
        let made = tokio::task::spawn_blocking(move || {
            let made = collector.collect(&store.snapshot(), unix_ms());
            (collector, made)
        });
        match made.await {
            Ok((back, made)) => {
                collector = back;
                made.into_iter().for_each(|batch| queue.push(batch));
            }
            Err(error) => {
                tracing::error!(%error, "Making batches of a snapshot failed; nothing more is pushed.");
                break;
            }
        }
    }
    queue.close();
}

#[cfg(test)]
mod tests;
