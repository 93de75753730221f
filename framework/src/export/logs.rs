//! Files of JSON lines: rows, events, and descriptions of tables.
//!
//! Invariant: a line is in exactly one file, whole, or counted as dropped.

mod rotate;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::rotate::Rotating;
use super::json::Json;
use super::push::{Feed, Work};
use crate::clock::unix_ms;
use crate::config::Logs;
use crate::store::{Body, Layout, Record, Subscription, Wanted};

/// Between two looks for tables that are new, and two tries to write where the last failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two descriptions of all tables.
const ANEW: Duration = Duration::from_secs(600);
/// Bytes that are written at once.
const BATCH: usize = 256 << 10;
/// Between two lines in the agent's log about the same thing.
const QUIET: Duration = Duration::from_secs(60);

/// The exporter's name.
pub const NAME: &str = "logs";

/// The exporter's work. Records are kept for it from this call on.
#[must_use]
pub fn work(settings: &Logs, feed: Feed, stop: CancellationToken) -> Work {
    let files = Files::new(settings, feed, stop);
    Box::pin(async move {
        // Disks can hang: a thread of its own waits for them.
        let handle = Handle::current();
        let files = tokio::task::spawn_blocking(move || files.run(&handle));
        if let Err(error) = files.await {
            tracing::error!(%error, "Writing log files failed.");
        }
    })
}

/// The files and what goes into them.
struct Files {
    feed: Feed,
    stop: CancellationToken,
    json: Json,
    stream: Subscription,
    rows: Option<Rotating>,
    events: Option<Rotating>,
    tables: Option<Rotating>,
    /// Tables that are described, and when all were.
    described: (Vec<Arc<Layout>>, Option<Instant>),
    /// When to look for tables, and to write again.
    next: Instant,
    /// Rows and events that the queue has lost so far.
    lost: u64,
    /// Rows and events that wait to be written.
    held: u64,
    failing: bool,
    said: Option<Instant>,
}

/// What the thread is woken by.
enum Wake {
    Record(Arc<Record>),
    Time,
    Stop,
}

impl Files {
    fn new(settings: &Logs, feed: Feed, stop: CancellationToken) -> Self {
        let bound = usize::try_from(settings.queue).unwrap_or(usize::MAX);
        let wanted = if settings.metrics { Wanted::All } else { Wanted::Events };
        let stream = feed.store.records().take_over(NAME, wanted, bound);
        let file = |wanted: bool, name: &str| {
            let path = settings.directory.join(name);
            wanted.then(|| Rotating::new(path, settings.file_size.0, settings.files))
        };
        Self {
            json: Json::new(&feed.host),
            stream,
            rows: file(settings.metrics, "metrics.jsonl"),
            events: file(settings.events, "events.jsonl"),
            tables: file(settings.metadata, "metadata.jsonl"),
            feed,
            stop,
            described: (Vec::new(), None),
            next: Instant::now(),
            lost: 0,
            held: 0,
            failing: false,
            said: None,
        }
    }

    fn run(mut self, handle: &Handle) {
        loop {
            match handle.block_on(self.wait()) {
                Wake::Record(record) => self.take(&record),
                Wake::Time => self.describe(),
                Wake::Stop => break,
            }
            if !self.failing {
                self.drain();
            }
            self.flush();
        }
        loop {
            self.drain();
            self.flush();
            if self.failing || self.stream.queued() == 0 {
                break;
            }
        }
        let left = self.held + self.stream.queued() as u64;
        self.feed.counters.dropped.inc_by(left);
        self.feed.counters.queued.set(0);
        if left > 0 {
            tracing::warn!(left, "Rows and events could not be written before the end.");
        }
    }

    /// While writing fails, what comes waits in the queue.
    async fn wait(&mut self) -> Wake {
        let Self { stop, stream, next, failing, .. } = self;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            () = sleep_until(*next) => Wake::Time,
            record = stream.next(), if !*failing => record.map_or(Wake::Stop, Wake::Record),
        }
    }

    /// Takes what waits in the queue, up to a batch.
    fn drain(&mut self) {
        while self.waiting() < BATCH {
            let Some(record) = self.stream.try_next() else { break };
            self.take(&record);
        }
    }

    fn waiting(&self) -> usize {
        [&self.rows, &self.events].into_iter().flatten().map(Rotating::waiting).sum()
    }

    fn take(&mut self, record: &Record) {
        let file = match record.body {
            Body::Row { .. } => &mut self.rows,
            Body::Event(_) | Body::Log(..) => &mut self.events,
        };
        if let Some(file) = file {
            file.line(|out| self.json.record(out, record));
            self.held += 1;
        }
    }

    /// Describes tables that are new or changed, now and then all.
    fn describe(&mut self) {
        self.next = Instant::now() + PAUSE;
        let Some(file) = &mut self.tables else { return };
        let (known, all) = &mut self.described;
        if file.waiting() > 0 {
            return;
        }
        let tables = self.feed.store.layouts();
        let is_due = all.is_none_or(|at| at.elapsed() >= ANEW);
        for table in &tables {
            if is_due || !known.iter().any(|other| Arc::ptr_eq(other, table)) {
                file.line(|out| self.json.table(out, unix_ms(), table));
            }
        }
        if is_due {
            *all = Some(Instant::now());
        }
        *known = tables;
    }

    fn flush(&mut self) {
        let (mut written, mut failed) = (0, None);
        for (file, is_counted) in
            [(&mut self.rows, true), (&mut self.events, true), (&mut self.tables, false)]
        {
            let Some(file) = file else { continue };
            let (lines, result) = file.flush();
            written += if is_counted { lines } else { 0 };
            failed = failed.or(result.err());
        }
        self.held -= written;
        let counters = &self.feed.counters;
        counters.sent.inc_by(written);
        let lost = self.stream.dropped();
        counters.dropped.inc_by(lost - self.lost);
        self.lost = lost;
        let queued = self.held + self.stream.queued() as u64;
        counters.queued.set(i64::try_from(queued).unwrap_or(i64::MAX));
        self.report(failed);
    }

    /// Says once that nothing can be written, and that it can again.
    fn report(&mut self, failed: Option<io::Error>) {
        let was_failing = std::mem::replace(&mut self.failing, failed.is_some());
        match failed {
            Some(error) if !was_failing => {
                let is_due = self.said.is_none_or(|at| at.elapsed() >= QUIET);
                if is_due {
                    tracing::error!(
                        "Log files cannot be written: {error}. What comes waits, up to export.logs.queue; make room \
                         or set export.logs.directory."
                    );
                    self.said = Some(Instant::now());
                }
            }
            None if was_failing => tracing::info!("Log files are written again."),
            _ => {}
        }
    }
}
