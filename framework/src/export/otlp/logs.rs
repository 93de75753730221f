//! Events and log records of probes as log records of the protocol, in requests of a bounded size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::resource::scope;
use crate::enrich::Host;
use crate::export::delivery::{Batch, Queue, Source};
use crate::export::push::Feed;
use crate::store::{Body, Record, Subscription, Wanted};
use crate::telemetry::ExportCounters;

mod record;

use self::record::{of_event, of_log};

/// Records that wait here until they are in a request: the most that one read of a probe's output can bring at once.
const WAITING: usize = 16 << 10;
/// Log records from which on a request is closed.
const RECORDS: u64 = 1_000;
/// Bytes, roughly, from which on a request is closed: receivers take 4 MiB unless they are told otherwise.
const BYTES: usize = 2 << 20;
/// How long a request is open for more.
const PATIENCE: Duration = Duration::from_millis(200);

/// Makes requests of the stream of records.
pub(super) struct Logs {
    resource: Resource,
    host: Arc<Host>,
    stream: Subscription,
    counters: ExportCounters,
    /// Records that the stream has lost so far.
    lost: u64,
    open: Vec<ResourceLogs>,
    records: u64,
    bytes: usize,
}

impl Logs {
    /// In the place of the one before it, whose records stay with that.
    pub(super) fn new(resource: Resource, feed: &Feed) -> Self {
        let stream = feed.store.records().take_over(super::NAME, Wanted::Events, WAITING);
        let counters = feed.counters.clone();
        let host = Arc::clone(&feed.host);
        Self { resource, host, stream, counters, lost: 0, open: Vec::new(), records: 0, bytes: 0 }
    }

    /// Adds a record; a request when it is full.
    fn add(&mut self, record: &Record) -> Option<Batch> {
        let (resource, log) = match &record.body {
            Body::Event(event) => (None, of_event(&self.host.upstream_id, event, record.time)),
            Body::Log(folder, fields) => of_log(&self.resource, folder, fields, record.time),
            // Nobody has asked for rows.
            Body::Row { .. } => return None,
        };
        self.bytes += log.encoded_len() + resource.as_ref().map_or(0, Resource::encoded_len);
        self.records += 1;
        self.place(resource).push(log);
        (self.records >= RECORDS || self.bytes >= BYTES).then(|| self.close()).flatten()
    }

    /// Where the records of a resource go: its own, or the agent's where it has none.
    fn place(&mut self, resource: Option<Resource>) -> &mut Vec<LogRecord> {
        let resource = Some(resource.unwrap_or_else(|| self.resource.clone()));
        let known = self.open.iter().position(|logs| logs.resource == resource);
        let at = known.unwrap_or_else(|| {
            let scope_logs = vec![ScopeLogs { scope: Some(scope()), ..ScopeLogs::default() }];
            self.open.push(ResourceLogs { resource, scope_logs, ..ResourceLogs::default() });
            self.open.len() - 1
        });
        &mut self.open[at].scope_logs[0].log_records
    }

    /// A request of what there is.
    fn close(&mut self) -> Option<Batch> {
        let resource_logs = std::mem::take(&mut self.open);
        let rows = std::mem::take(&mut self.records);
        self.bytes = 0;
        let request = ExportLogsServiceRequest { resource_logs };
        (rows > 0).then(|| Batch { body: Bytes::from(request.encode_to_vec()), rows })
    }

    /// The next record; nothing when there will be none, or none before the open request is due.
    async fn next(&mut self, due: Instant) -> Next {
        tokio::select! {
            biased;
            record = self.stream.next() => record.map_or(Next::Never, Next::Record),
            () = sleep_until(due), if self.records > 0 => Next::NotYet,
        }
    }

    fn count_lost(&mut self) {
        let lost = self.stream.dropped();
        self.counters.dropped.inc_by(lost - self.lost);
        self.lost = lost;
    }
}

enum Next {
    Record(Arc<Record>),
    NotYet,
    Never,
}

impl Source for Logs {
    async fn fill(mut self, queue: &Queue, stop: &CancellationToken) {
        let mut due = Instant::now();
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = self.next(due) => next,
            };
            let full = match next {
                Next::Record(record) => {
                    if self.records == 0 {
                        due = Instant::now() + PATIENCE;
                    }
                    self.add(&record)
                }
                Next::NotYet => self.close(),
                Next::Never => break,
            };
            full.into_iter().for_each(|batch| queue.push(batch));
            self.count_lost();
        }
        self.stream.close();
        while let Some(record) = self.stream.try_next() {
            self.add(&record).into_iter().for_each(|batch| queue.push(batch));
        }
        self.close().into_iter().for_each(|batch| queue.push(batch));
        self.count_lost();
    }
}

#[cfg(test)]
mod tests;
