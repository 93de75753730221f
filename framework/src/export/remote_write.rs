//! Prometheus remote-write 1.0: the state of the store, pushed on an interval.
//!
//! ```text
//!   snapshot ──> series ──> batch (protobuf, snappy) ──> delivery ──> receiver
//!       └─ ended: markers for series that are gone
//! ```
//!
//! Counted are rows: one key of a table in one push is one row, however many samples it has.

mod batch;
mod ended;
mod proto;
mod receiver;
mod series;

use tokio_util::sync::CancellationToken;

use self::batch::batches;
use self::receiver::PrometheusReceiver;
use super::delivery::{Batch, Bound, Collect, Delivery, Snapshots};
use super::push::{Feed, Work};
use crate::config::RemoteWrite;
use crate::store::Snapshot;

/// Pushes until `stop`, then once more.
#[must_use]
pub fn work(settings: RemoteWrite, feed: Feed, stop: CancellationToken) -> Work {
    Box::pin(async move {
        let Some(receiver) = PrometheusReceiver::new(&settings) else {
            // The configuration does not allow it.
            tracing::error!(url = settings.url, "export.remote_write.url is no URL; nothing is pushed.");
            return;
        };
        let delivery = Delivery {
            name: "remote_write",
            what: "metrics",
            bound: Bound::Batches(settings.queue),
            receiver,
        };
        let (collector, interval) = (Collector::default(), settings.interval);
        let source = Snapshots { collector, interval, store: feed.store };
        delivery.run(source, feed.counters, stop).await;
    })
}

/// The files that cannot be used, each with its key and the reason.
#[must_use]
pub fn bad_files(settings: &RemoteWrite) -> Vec<(&'static str, String)> {
    receiver::access(settings).map(|access| access.bad_files()).unwrap_or_default()
}

/// Makes batches of each snapshot, with the ends of the series of the one before.
#[derive(Default)]
struct Collector {
    before: Snapshot,
}

impl Collect for Collector {
    fn collect(&mut self, snapshot: &Snapshot, time: u64) -> Vec<Batch> {
        let made = batches(&self.before, snapshot, i64::try_from(time).unwrap_or(i64::MAX));
        self.before = snapshot.clone();
        made.unwrap_or_else(|error| {
            tracing::error!(%error, "Packing metrics for remote-write failed.");
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests;
