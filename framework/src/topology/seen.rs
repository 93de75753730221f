//! Two states of each row: what the last rows added, and in what time.

use std::collections::HashMap;
use std::sync::Arc;

use gopher_protocol::table::Field;

use crate::store::{Labels, Layout, Store, TableView, Value};

/// Most numbers that are followed in one table.
const WIDTH: usize = 6;

/// A table that a graph is made of, with the fields whose sums it needs. A histogram takes two places: its sum and its
/// count.
#[derive(Debug)]
pub struct Source {
    /// The table.
    pub table: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
}

/// Bytes received and sent.
pub(super) const RX: usize = 0;
/// See [`RX`].
pub(super) const TX: usize = 1;
/// Segments sent, repeated ones included.
pub(super) const SENT: usize = 2;
/// Segments sent again.
pub(super) const RESENT: usize = 3;
/// Sum and, in the place after it, count of round-trip times.
pub(super) const RTT: usize = 4;
/// Connections opened by clients and taken by servers.
pub(super) const OPENED: [usize; 2] = [0, 1];
/// Connections that clients or servers failed to bring about.
pub(super) const FAILED: [usize; 2] = [2, 3];

/// What graphs are made of: the traffic of connections, and their beginnings.
pub const TABLES: [Source; 2] = [
    Source { table: "tcp_metric", fields: &["rx_bytes", "tx_bytes", "segs_out", "retran_packets", "srtt"] },
    Source {
        table: "endpoint_tcp",
        fields: &["active_open", "passive_open", "active_open_failed", "passive_open_failed"],
    },
];

/// Numbers of one row; NaN where it has none.
pub(super) type Sums = [f64; WIDTH];

/// What is kept of one row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) labels: Arc<Labels>,
    sums: Sums,
    /// What the rows since the look before added.
    pub(super) added: Sums,
    /// Milliseconds from the row before these to the last of these; 0: there was none before.
    span: u64,
    /// Milliseconds from the look before these came to the one that saw them.
    within: u64,
    /// When the last of these came.
    pub(super) updated: u64,
}

/// What is kept of one table.
#[derive(Debug)]
pub(super) struct Table {
    id: u64,
    version: u64,
    /// Which of [`TABLES`].
    pub(super) source: usize,
    pub(super) layout: Arc<Layout>,
    /// Milliseconds between two rows of a key, as its probe is configured; 0 = not known.
    pub(super) period: u64,
    pub(super) rows: Vec<Row>,
}

/// What is kept of all tables.
#[derive(Debug)]
pub(super) struct Seen {
    looked: u64,
    pub(super) tables: Vec<Table>,
}

impl Seen {
    pub(super) fn new(now: u64) -> Self {
        Self { looked: now, tables: Vec::new() }
    }

    /// Takes note of what has changed.
    pub(super) fn look(&mut self, store: &Store, now: u64) {
        // When that was, and how long ago it is.
        let last = (self.looked, now.saturating_sub(self.looked));
        let mut old: HashMap<u64, Table> = self.tables.drain(..).map(|table| (table.id, table)).collect();
        for (source, wanted) in TABLES.iter().enumerate() {
            store.look(wanted.table, |view| {
                let before = old.remove(&view.id);
                self.tables.push(Table::look(source, view, before, last));
            });
        }
        self.looked = now;
    }
}

impl Table {
    fn look(source: usize, view: &TableView<'_>, before: Option<Self>, last: (u64, u64)) -> Self {
        let mut table = before.unwrap_or_else(|| Self {
            id: view.id,
            version: 0,
            source,
            layout: Arc::clone(view.layout),
            period: 0,
            rows: Vec::new(),
        });
        table.period = view.period;
        if table.version != view.version() {
            table.version = view.version();
            table.layout = Arc::clone(view.layout);
            table.follow(view, last);
        }
        table
    }

    fn follow(&mut self, view: &TableView<'_>, (looked, within): (u64, u64)) {
        let places = places(&self.layout, TABLES[self.source].fields);
        let mut old = Moved::of(std::mem::take(&mut self.rows));
        self.rows.reserve_exact(view.labels.len());
        for (row, labels) in view.labels.iter().enumerate() {
            let before = old.take(row, labels);
            let kept = match before {
                // No row since; one within the millisecond of the last look would not be told from that look's.
                Some(kept) if kept.updated == view.updated(row) && kept.updated < looked => {
                    Row { labels: Arc::clone(labels), ..kept }
                }
                before => {
                    let state = (sums(&places, view.values(row)), view.updated(row));
                    Row::next(Arc::clone(labels), state, before, within)
                }
            };
            self.rows.push(kept);
        }
    }
}

impl Row {
    fn next(labels: Arc<Labels>, (sums, updated): (Sums, u64), before: Option<Self>, within: u64) -> Self {
        // A sum that fell has begun anew.
        let fell = |before: &Self| before.sums.iter().zip(&sums).any(|(old, new)| old > new);
        let before = before.filter(|before| !fell(before));
        let mut added = sums;
        if let Some(before) = &before {
            for (new, old) in added.iter_mut().zip(&before.sums) {
                *new -= if old.is_nan() { 0.0 } else { *old };
            }
        }
        let Some(before) = before else { return Self { labels, sums, added, span: 0, within, updated } };
        if before.updated == updated {
            for (new, old) in added.iter_mut().zip(&before.added) {
                *new += if old.is_nan() { 0.0 } else { *old };
            }
            return Self { labels, sums, added, within: before.within + within, ..before };
        }
        Self { labels, sums, added, span: updated.saturating_sub(before.updated), within, updated }
    }

    /// Seconds in which [`Self::added`] came about; nothing where that cannot be known yet. Where two looks were closer
    /// than two rows ever are it was one row, which tells of one period, however long nothing had come before it.
    pub(super) fn seconds(&self, period: u64) -> Option<f64> {
        let is_one = period > 0 && self.within < period;
        let span = match (self.span, is_one) {
            (0, true) => Some(period),
            (0, false) => None,
            (span, true) => Some(span.min(period)),
            (span, false) => Some(span),
        };
        span.map(milliseconds)
    }
}

/// Milliseconds as seconds.
pub(super) fn milliseconds(time: u64) -> f64 {
    std::time::Duration::from_millis(time).as_secs_f64()
}

/// Rows of the look before, found again although the last row takes the place of one that goes.
struct Moved {
    rows: Vec<Option<Row>>,
    /// Where rows are by their own labels, made when the first is not where it was.
    places: Option<HashMap<Vec<u8>, usize>>,
}

impl Moved {
    fn of(rows: Vec<Row>) -> Self {
        Self { rows: rows.into_iter().map(Some).collect(), places: None }
    }

    fn take(&mut self, row: usize, labels: &Labels) -> Option<Row> {
        let is_there =
            |kept: &Option<Row>| kept.as_ref().is_some_and(|kept| kept.labels.is_series_of(labels));
        if self.rows.get(row).is_some_and(is_there) {
            return self.rows[row].take();
        }
        let places = self.places.get_or_insert_with(|| {
            let rows = self.rows.iter().enumerate();
            rows.filter_map(|(row, kept)| Some((key(&kept.as_ref()?.labels), row))).collect()
        });
        let at = *places.get(&key(labels))?;
        self.rows.get_mut(at).filter(|kept| is_there(kept))?.take()
    }
}

fn key(labels: &Labels) -> Vec<u8> {
    labels.own().flat_map(|value| value.bytes().chain([0xff])).collect()
}

/// Where the fields are among the values, each with what makes seconds of a time in its unit.
fn places(layout: &Layout, fields: &[&str]) -> Vec<Option<(usize, f64)>> {
    let place = |name: &&str| {
        let at = (0..layout.values.len())
            .find(|at| layout.value_field(*at).is_some_and(|field| field.name == *name))?;
        Some((at, seconds_per_unit(layout.value_field(at)?)))
    };
    fields.iter().map(place).collect()
}

/// NaN where the field is no time: nothing can be said of it then.
fn seconds_per_unit(field: &Field) -> f64 {
    match field.unit.as_deref() {
        Some("ns") => 1e-9,
        Some("us") => 1e-6,
        Some("ms") => 1e-3,
        Some("s") => 1.0,
        _ => f64::NAN,
    }
}

fn sums(places: &[Option<(usize, f64)>], values: &[Value]) -> Sums {
    let mut sums = [f64::NAN; WIDTH];
    for (index, place) in places.iter().enumerate() {
        let Some((at, unit)) = place else { continue };
        match values.get(*at) {
            Some(Value::Number(number)) => sums[index] = number.as_f64(),
            Some(Value::Histogram(histogram)) => {
                sums[index] = histogram.sum * unit;
                if let Some(count) = sums.get_mut(index + 1) {
                    *count = gopher_protocol::number::Number::Uint(histogram.count()).as_f64();
                }
            }
            _ => {}
        }
    }
    sums
}
