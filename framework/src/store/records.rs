//! Every accepted row and event once, enriched and stamped at acceptance, for exporters that pass them on.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gopher_protocol::decode::Fields;
use gopher_protocol::event::Event;
use tokio::sync::mpsc;

use super::labels::Labels;
use super::layout::Layout;
use crate::clock::unix_ms;
use crate::enrich::Process;
use crate::sync::lock;

/// One accepted line.
#[derive(Debug)]
pub struct Record {
    /// Milliseconds since 1970 at acceptance.
    pub time: u64,
    /// What it holds.
    pub body: Body,
}

/// What a record holds.
#[derive(Debug)]
pub enum Body {
    /// A row, as it came: a delta is the row's, not the sum. What was refused or is switched off is absent.
    Row {
        /// Its table.
        layout: Arc<Layout>,
        /// Its labels.
        labels: Arc<Labels>,
        /// The texts of the fields with values, in the order of [`Layout::values`]; empty = absent.
        values: Box<[Box<str>]>,
    },
    /// An event.
    Event(EventRecord),
    /// An OTel log line: folder and its six fields.
    Log(String, Box<[Box<str>]>),
}

/// An event with its texts owned; the fields are those of [`Event`], completed from what is known of its process.
#[derive(Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// The folder that raised it.
    pub folder: String,
    /// The nine texts from `entity` to `device`, in line order.
    pub about: [Box<str>; 9],
    /// `INFO`, `WARN`, `ERROR` or `FATAL`.
    pub severity_text: Box<str>,
    /// OTel severity number.
    pub severity_number: u8,
    /// Text for people.
    pub body: Box<str>,
}

impl Record {
    /// `is_kept` says whether the store has taken a value, by its place among the values.
    pub(super) fn row(
        layout: &Arc<Layout>,
        labels: Arc<Labels>,
        fields: &Fields<'_>,
        is_kept: impl Fn(usize) -> bool,
    ) -> Self {
        let text =
            |(at, index): (usize, &usize)| if is_kept(at) { fields.get(*index).into() } else { "".into() };
        let values = layout.values.iter().enumerate().map(text).collect();
        Self::now(Body::Row { layout: Arc::clone(layout), labels, values })
    }

    /// `process` is that of the event: it says what the event does not.
    pub(super) fn event(folder: &str, event: &Event<'_>, process: Option<&Process>) -> Self {
        let or = |own: &'_ str, known: Option<&str>| -> Box<str> {
            if own.is_empty() { known.unwrap_or_default().into() } else { own.into() }
        };
        let container = process.and_then(|process| process.container());
        // Another container than the one that the event names says nothing of it.
        let container = container.filter(|container| container.id.starts_with(event.container_id));
        let about = [
            event.entity.into(),
            event.entity_id.into(),
            event.metric.into(),
            event.pid.into(),
            or(event.comm, process.map(|process| process.names().0)),
            event.ip.into(),
            or(event.container_id, container.map(|container| container.id.as_str())),
            or(event.pod_id, container.map(|container| container.pod_id())),
            event.device.into(),
        ];
        Self::now(Body::Event(EventRecord {
            folder: folder.to_owned(),
            about,
            severity_text: event.severity_text.into(),
            severity_number: event.severity_number,
            body: event.body.into(),
        }))
    }

    pub(super) fn log(folder: &str, fields: &Fields<'_>) -> Self {
        let texts = (0..fields.len()).map(|index| fields.get(index).into()).collect();
        Self::now(Body::Log(folder.to_owned(), texts))
    }

    fn now(body: Body) -> Self {
        Self { time: unix_ms(), body }
    }
}

/// The stream of records; costs nothing while nobody reads it.
#[derive(Debug, Default)]
pub struct Records {
    readers: Mutex<Vec<Reader>>,
    count: AtomicUsize,
    /// Readers that want rows too.
    of_rows: AtomicUsize,
}

/// What a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Rows, events and log records.
    All,
    /// Events and log records.
    Events,
}

#[derive(Debug)]
struct Reader {
    name: Option<&'static str>,
    queue: mpsc::Sender<Arc<Record>>,
    wanted: Wanted,
    dropped: Arc<AtomicU64>,
}

/// One reader's end, with a queue of its own: a slow reader loses its own records and nobody else's.
#[derive(Debug)]
pub struct Subscription {
    queue: mpsc::Receiver<Arc<Record>>,
    dropped: Arc<AtomicU64>,
}

impl Records {
    /// Adds a reader whose queue holds `bound` records.
    pub fn subscribe(&self, wanted: Wanted, bound: usize) -> Subscription {
        self.add(None, wanted, bound)
    }

    /// The same in the place of the reader with this name, if there is one. What that one's queue holds it can still
    /// read; each record goes to one of the two.
    pub fn take_over(&self, name: &'static str, wanted: Wanted, bound: usize) -> Subscription {
        self.add(Some(name), wanted, bound)
    }

    fn add(&self, name: Option<&'static str>, wanted: Wanted, bound: usize) -> Subscription {
        let (sender, queue) = mpsc::channel(bound.max(1));
        let dropped = Arc::new(AtomicU64::new(0));
        let mut readers = lock(&self.readers);
        readers.retain(|reader| name.is_none() || reader.name != name);
        readers.push(Reader { name, queue: sender, wanted, dropped: Arc::clone(&dropped) });
        self.count(&readers);
        Subscription { queue, dropped }
    }

    fn count(&self, readers: &[Reader]) {
        self.count.store(readers.len(), Ordering::Relaxed);
        self.of_rows
            .store(readers.iter().filter(|reader| reader.wanted == Wanted::All).count(), Ordering::Relaxed);
    }

    /// Whether anybody reads rows.
    pub(super) fn rows_wanted(&self) -> bool {
        self.of_rows.load(Ordering::Relaxed) > 0
    }

    /// Whether anybody reads events and logs.
    pub(super) fn wanted(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    pub(super) fn send(&self, record: Arc<Record>) {
        let is_row = matches!(record.body, Body::Row { .. });
        let mut readers = lock(&self.readers);
        readers.retain(|reader| {
            if is_row && reader.wanted == Wanted::Events {
                return !reader.queue.is_closed();
            }
            match reader.queue.try_send(Arc::clone(&record)) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    reader.dropped.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        self.count(&readers);
    }
}

impl Subscription {
    /// The next record; `None` when the store is gone.
    pub async fn next(&mut self) -> Option<Arc<Record>> {
        self.queue.recv().await
    }

    /// The next record if there is one now.
    pub fn try_next(&mut self) -> Option<Arc<Record>> {
        self.queue.try_recv().ok()
    }

    /// Ends the subscription; what is in the queue can still be read.
    pub fn close(&mut self) {
        self.queue.close();
    }

    /// Records that wait in the queue.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Records lost because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
