//! The intake of one probe process: lines in, rows out, every line counted once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::manifest::{Feeds, Manifest};
use gopher_protocol::notice::Lost;
use gopher_protocol::reject::{Reason, Reject};
use gopher_protocol::table::Tables;

use super::rate::Rate;
use super::{Batch, Dropped, NewsSink, RowSink};
use crate::clock::mono_ms;
use crate::supervise::{LineSink, Progress, Sinks};
use crate::sync::lock;
use crate::telemetry::{AgentMetrics, FolderCounters};

/// Milliseconds between two log lines about refused lines of one folder; the counters have them all.
const REJECT_LOG_INTERVAL: u64 = 10_000;

/// What the intakes of one folder share over the lives of its process.
struct Folder {
    name: String,
    metrics: AgentMetrics,
    tables: Tables,
    sink: Arc<dyn RowSink>,
    /// Of folders that may tell any.
    news: Option<Arc<dyn NewsSink>>,
    counters: FolderCounters,
    rate: Mutex<Rate>,
    logged: Mutex<(u64, u64)>,
}

/// Opens an [`Intake`] for each process that the supervisor starts.
pub struct Intakes {
    metrics: AgentMetrics,
    news: Arc<dyn NewsSink>,
    folders: Mutex<HashMap<String, Arc<Folder>>>,
}

impl Intakes {
    /// No folders yet.
    #[must_use]
    pub fn new(metrics: AgentMetrics, news: Arc<dyn NewsSink>) -> Self {
        Self { metrics, news, folders: Mutex::default() }
    }

    /// Adds or replaces a folder; processes that run already keep what they were opened with.
    pub fn set(&self, manifest: &Manifest, sink: Arc<dyn RowSink>) {
        let folder = Folder {
            name: manifest.name.clone(),
            metrics: self.metrics.clone(),
            tables: manifest.tables(),
            sink,
            news: (manifest.feeds == Some(Feeds::Scopes)).then(|| Arc::clone(&self.news)),
            counters: self.metrics.folder(&manifest.name),
            rate: Mutex::new(Rate::new(manifest.limits.rows_per_second, mono_ms())),
            logged: Mutex::default(),
        };
        lock(&self.folders).insert(manifest.name.clone(), Arc::new(folder));
    }

    /// Forgets a folder.
    pub fn remove(&self, name: &str) {
        lock(&self.folders).remove(name);
    }

    /// The intake for a new process of a folder; `None` for a folder that is not known (any more).
    #[must_use]
    pub fn intake(&self, folder: &str) -> Option<Intake> {
        let folder = lock(&self.folders).get(folder).cloned()?;
        Some(Intake { folder, decoder: Decoder::new(), utf8: 0 })
    }
}

impl Sinks for Intakes {
    fn open(&self, folder: &str) -> Box<dyn LineSink> {
        match self.intake(folder) {
            Some(intake) => Box::new(intake),
            None => Box::new(Gone(self.metrics.folder(folder))),
        }
    }
}

/// The intake of one process.
pub struct Intake {
    folder: Arc<Folder>,
    decoder: Decoder,
    utf8: u64,
}

/// What one read did, counted locally so that the shared counters are touched once per read.
#[derive(Default)]
struct Tally {
    lines: u64,
    accepted: u64,
    rejected: [u64; Reason::ALL.len()],
    dropped: [u64; Dropped::ALL.len()],
    /// Events that were left out, and those that were passed on.
    events: [u64; 2],
}

impl LineSink for Intake {
    fn accept(&mut self, lines: &[u8], text: &mut dyn FnMut(&[u8])) -> Progress {
        let folder = Arc::clone(&self.folder);
        let mut progress = Progress::default();
        let mut tally = Tally::default();
        let mut rate = lock(&folder.rate);
        rate.refill(mono_ms());
        let mut batch = folder.sink.batch();
        let valid = std::str::from_utf8(lines).ok();
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            let line = &lines[from..end];
            let checked = valid.and_then(|valid| valid.get(from..end));
            from = end + 1;
            if line.first() != Some(&b'|') {
                text(line);
                continue;
            }
            let decoded = match checked {
                Some(line) => self.decoder.decode_text(&folder.tables, line),
                None => self.decoder.decode(&folder.tables, line),
            };
            match decoded {
                Ok(line) => tally.line(&folder, line, &mut *batch, &mut rate, &mut progress),
                Err(reject) => tally.reject(&folder, &reject),
            }
        }
        let refused = batch.refused_fields();
        drop(batch);
        tally.count(&folder.counters);
        for (counter, count) in folder.counters.fields.iter().zip(refused) {
            counter.inc_by(count);
        }
        folder.counters.utf8.inc_by(self.decoder.invalid_utf8() - self.utf8);
        self.utf8 = self.decoder.invalid_utf8();
        progress.accepted = tally.accepted;
        progress
    }

    fn overlong(&mut self) {
        self.refuse(Reason::TooLong);
    }

    fn truncated(&mut self, part: &[u8]) {
        if part.first() == Some(&b'|') {
            self.refuse(Reason::Truncated);
        }
    }
}

impl Folder {
    fn lost(&self, lost: &Lost<'_>) {
        self.metrics.lost(&self.name, lost.what, lost.count);
        if let Some(news) = &self.news {
            news.lost();
        }
    }
}

impl Intake {
    fn refuse(&self, reason: Reason) {
        let mut tally = Tally::default();
        tally.reject(&self.folder, &Reject { reason, table: String::new(), field: 0, byte: 0 });
        tally.count(&self.folder.counters);
    }
}

impl Tally {
    #[inline]
    fn line(
        &mut self,
        folder: &Folder,
        line: Line<'_>,
        batch: &mut dyn Batch,
        rate: &mut Rate,
        progress: &mut Progress,
    ) {
        match line {
            Line::Ready => progress.ready = true,
            Line::Applied(generation) => progress.applied = Some(generation),
            Line::Log(fields) => batch.log(&fields),
            Line::Capability(capability) => progress.capabilities.push((&capability).into()),
            Line::Lost(lost) => folder.lost(&lost),
            Line::News(news) => match &folder.news {
                Some(sink) => sink.news(news),
                None => self.reject(folder, &not_allowed()),
            },
            Line::Row(_) | Line::Event(_) if !rate.take() => self.drop_line(Dropped::Rate),
            Line::Row(row) => match batch.row(&row) {
                Ok(()) => self.accept(),
                Err(dropped) => self.drop_line(dropped),
            },
            Line::Event(event) => {
                self.events[usize::from(batch.event(&event))] += 1;
                self.accept();
            }
        }
    }

    #[inline]
    fn accept(&mut self) {
        self.lines += 1;
        self.accepted += 1;
    }

    fn drop_line(&mut self, reason: Dropped) {
        self.lines += 1;
        self.dropped[reason as usize] += 1;
    }

    #[cold]
    fn reject(&mut self, folder: &Folder, reject: &Reject) {
        self.lines += 1;
        self.rejected[reject.reason as usize] += 1;
        let mut logged = lock(&folder.logged);
        let (at, silent) = *logged;
        let now = mono_ms();
        if at != 0 && now < at + REJECT_LOG_INTERVAL {
            logged.1 += 1;
            return;
        }
        *logged = (now, 0);
        tracing::warn!(probe = folder.name, reason = %reject, not_logged_before = silent, "Line rejected.");
    }

    fn count(&self, counters: &FolderCounters) {
        counters.lines.inc_by(self.lines);
        for (counter, count) in counters.events.iter().zip(self.events) {
            counter.inc_by(count);
        }
        counters.accepted.inc_by(self.accepted);
        for (counter, count) in counters.rejected.iter().zip(self.rejected) {
            counter.inc_by(count);
        }
        for (counter, count) in counters.dropped.iter().zip(self.dropped) {
            counter.inc_by(count);
        }
    }
}

/// News of a folder that does not say that it has any.
fn not_allowed() -> Reject {
    Reject { reason: Reason::UnknownTable, table: "news".to_owned(), field: 0, byte: 0 }
}

/// The intake of a folder that went away while its process was being started.
struct Gone(FolderCounters);

impl LineSink for Gone {
    fn accept(&mut self, lines: &[u8], text: &mut dyn FnMut(&[u8])) -> Progress {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if line.first() == Some(&b'|') {
                self.0.lines.inc();
                self.0.dropped[Dropped::Stopped as usize].inc();
            } else {
                text(line.strip_suffix(b"\n").unwrap_or(line));
            }
        }
        Progress::default()
    }

    fn overlong(&mut self) {
        self.0.lines.inc();
        self.0.rejected[Reason::TooLong as usize].inc();
    }

    fn truncated(&mut self, part: &[u8]) {
        if part.first() == Some(&b'|') {
            self.0.lines.inc();
            self.0.rejected[Reason::Truncated as usize].inc();
        }
    }
}
