//! How exporters that push over the network deliver: batches wait in a bounded queue and go out one after the other,
//! each until the receiver has taken or refused it.
//!
//! ```text
//!   source ──> batches ──> queue (bounded, the oldest dropped) ──> send ──> a receiver of the exporter
//!                                          ^                        │         └─ client ── connect: TCP, TLS
//!                                          └──── not now: again ────┘
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

use self::failure::Complaints;
pub(super) use self::failure::Failure;
pub(super) use self::queue::{Batch, Bound, Queue};
pub(super) use self::send::Receiver;
use self::send::Sending;
use crate::clock::unix_ms;
use crate::store::{Snapshot, Store};
use crate::telemetry::ExportCounters;

/// What makes batches.
pub(super) trait Source: Send + 'static {
    /// Adds batches until `stop`, then those of what is left.
    fn fill(self, queue: &Queue, stop: &CancellationToken) -> impl Future<Output = ()> + Send;
}

/// What turns the state of the store into batches.
pub(super) trait Collect: Send + 'static {
    /// The batches of one snapshot, taken at `time` in milliseconds since 1970.
    fn collect(&mut self, snapshot: &Snapshot, time: u64) -> Vec<Batch>;
}

/// One exporter's way out.
pub(super) struct Delivery<R> {
    /// Its name in the log.
    pub(super) name: &'static str,
    /// What it delivers, in the log's words.
    pub(super) what: &'static str,
    /// How much may wait.
    pub(super) bound: Bound,
    /// The other side.
    pub(super) receiver: R,
}

impl<R: Receiver> Delivery<R> {
    /// Pushes until `stop`, then what is left.
    pub(super) async fn run(self, source: impl Source, counters: ExportCounters, stop: CancellationToken) {
        let Self { name, what, bound, receiver } = self;
        let queue = Queue::new(name, bound, counters);
        let sending = Sending::new(Complaints::new(name, what), &queue, receiver, stop.clone());
        let filling = async {
            source.fill(&queue, &stop).await;
            queue.close();
        };
        tokio::join!(filling, sending.run());
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

/// Batches of a snapshot on the interval, and a last time when told to stop.
pub(super) struct Snapshots<C> {
    /// What makes them.
    pub(super) collector: C,
    /// Time from one snapshot to the next.
    pub(super) interval: Duration,
    /// What is shown.
    pub(super) store: Arc<Store>,
}

impl<C: Collect> Source for Snapshots<C> {
    async fn fill(self, queue: &Queue, stop: &CancellationToken) {
        let Self { mut collector, interval: period, store } = self;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopping = false;
        while !stopping {
            tokio::select! {
                biased;
                () = stop.cancelled() => stopping = true,
                _ = ticks.tick() => {}
            }
            let store = Arc::clone(&store);
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
    }
}

#[cfg(test)]
mod tests;
