//! Prometheus remote-write 1.0: the state of the store, pushed on an interval.
//!
//! ```text
//!   store ──snapshot──> collect ──batches──> queue (bounded) ──> send ──> client ──HTTP──> receiver
//!                          └─ ended: markers for series that are gone        └─ connect: TCP, TLS
//! ```
//!
//! Counted are rows: one key of a table in one push is one row, however many samples it has.

mod batch;
mod client;
mod connect;
mod ended;
mod failure;
mod proto;
mod queue;
mod send;
mod series;

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::batch::batches;
use self::client::Client;
use self::connect::Target;
use self::queue::Queue;
use self::send::Sending;
use super::push::{Feed, Work};
use crate::clock::unix_ms;
use crate::config::RemoteWrite;
use crate::store::{Snapshot, Store};

/// Pushes until `stop`, then once more.
#[must_use]
pub fn work(settings: RemoteWrite, feed: Feed, stop: CancellationToken) -> Work {
    Box::pin(async move {
        let Some(target) = Target::of(&settings.url) else {
            // The configuration does not allow it.
            tracing::error!(url = settings.url, "export.remote_write.url is no URL; nothing is pushed.");
            return;
        };
        let queue = Queue::new(usize::try_from(settings.queue).unwrap_or(usize::MAX), feed.counters);
        let client = Client::new(settings.clone(), target);
        let sending = Sending::new(&queue, client, settings.url.clone(), stop.clone());
        tokio::join!(collect(&settings, &feed.store, &queue, &stop), sending.run());
        let left = queue.abandon();
        if left > 0 {
            tracing::error!(
                rows = left,
                "Rows that the remote-write receiver did not take in time were dropped."
            );
        }
    })
}

/// Adds batches on the interval, and a last time when told to stop.
async fn collect(settings: &RemoteWrite, store: &Arc<Store>, queue: &Queue, stop: &CancellationToken) {
    let mut ticks = interval(settings.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Snapshot::default();
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            biased;
            () = stop.cancelled() => stopping = true,
            _ = ticks.tick() => {}
        }
        before = push(store, before, queue).await;
    }
    queue.close();
}

/// Adds the batches of a new snapshot, which it returns.
async fn push(store: &Arc<Store>, before: Snapshot, queue: &Queue) -> Snapshot {
    let store = Arc::clone(store);
    // It works for milliseconds per 10,000 series, on a thread that may.
    let made = tokio::task::spawn_blocking(move || {
        let now = store.snapshot();
        let made = batches(&before, &now, i64::try_from(unix_ms()).unwrap_or(i64::MAX));
        (now, made)
    });
    match made.await {
        Ok((now, Ok(made))) => {
            made.into_iter().for_each(|batch| queue.push(batch));
            now
        }
        Ok((now, Err(error))) => {
            tracing::error!(%error, "Packing metrics for remote-write failed.");
            now
        }
        Err(error) => {
            tracing::error!(%error, "Making metrics for remote-write failed.");
            Snapshot::default()
        }
    }
}

#[cfg(test)]
mod tests;
