//! Rows, events and metadata as messages to Apache Kafka.
//!
//! ```text
//!   RecordStream -> queue -> render -> backlog -> client library -> brokers
//!                                      |  ^  ^          |
//!                         no broker,   |  |  '- reports-'  a message stays until it is done with
//!                         short memory v  | when brokers answer again, oldest first
//!                                     spool (files in the state folder)
//! ```
//!
//! A message's key is the machine and the key of its series, so that a series is always in one partition and its
//! order holds. Every record ends as sent, failed (refused for good) or dropped (it did not fit).

mod backlog;
mod chunk;
mod client;
mod files;
mod frame;
mod message;
mod metadata;
mod news;
mod render;
mod spool;
mod worker;

use std::path::{Path, PathBuf};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::backlog::{Backlog, Bounds};
pub use self::client::bad_files;
use self::spool::Spool;
use self::worker::Worker;
use super::push::{Feed, Work};
use crate::config::export::Kafka;
use crate::store::Wanted;

/// The exporter's name.
pub const NAME: &str = "kafka";

/// The work of the exporter. Records are kept for it from this call on.
#[must_use]
pub fn work(settings: Kafka, feed: Feed, stop: CancellationToken) -> Work {
    let bound = usize::try_from(settings.queue).unwrap_or(usize::MAX);
    let records = feed.store.records().take_over(NAME, Wanted::All, bound);
    Box::pin(async move {
        let runtime = Handle::current();
        let worker = Worker { settings, feed, records, stop, runtime };
        let ended = tokio::task::spawn_blocking(move || {
            let backlog = open(&worker.settings, &worker.feed.state_dir);
            worker.run(backlog);
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "The Kafka exporter failed.");
        }
    })
}

/// The spool's folder.
fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("spool").join(NAME)
}

/// The backlog with what the spool holds; without a spool where it cannot be used.
fn open(settings: &Kafka, state_dir: &Path) -> Backlog {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let bounds = Bounds { memory: size(settings.buffer.0), spool: size(settings.spool_size.0) };
    if settings.spool_size.0 == 0 {
        return Backlog::new(bounds, None);
    }
    let folder = folder(state_dir);
    match Spool::open(&folder) {
        Ok((spool, found)) => Backlog::new(bounds, Some((spool, found))),
        Err(error) => {
            tracing::error!(folder = %folder.display(), %error, "The Kafka spool cannot be used: messages are kept in memory alone. Make the folder writable, or set spool_size = \"0B\".");
            Backlog::new(bounds, None)
        }
    }
}
