//! Since when the sums of a row count, which the protocol wants to know of every sum.

use std::collections::HashMap;

use gopher_protocol::table::Kind;

use crate::export::rows::{Rows, by_id};
use crate::store::{Layout, Snapshot, TableSnapshot, Value};

/// The start of each row's sums, in milliseconds since 1970.
///
/// Where a source began to count is not known when its row is first seen, so its sums start then, as the protocol's
/// data model says of unknown starts. A sum that has fallen began anew after the last snapshot.
#[derive(Debug, Default)]
pub(super) struct Starts {
    before: Snapshot,
    /// When `before` was taken.
    at: u64,
    /// By table, in the order of its rows.
    since: HashMap<u64, Vec<u64>>,
}

impl Starts {
    /// Brings them up to a snapshot taken at `time`.
    pub(super) fn update(&mut self, now: &Snapshot, time: u64) {
        let old = by_id(&self.before);
        let mut since = HashMap::with_capacity(now.tables.len());
        for table in &now.tables {
            let before = old.get(&table.id).copied();
            let known = self.since.remove(&table.id).unwrap_or_default();
            let starts = match before {
                Some(before) if before.version == table.version => known,
                _ => self.starts(table, before, &known, time),
            };
            since.insert(table.id, starts);
        }
        self.since = since;
        self.before = now.clone();
        self.at = time;
    }

    fn starts(
        &self,
        table: &TableSnapshot,
        before: Option<&TableSnapshot>,
        known: &[u64],
        time: u64,
    ) -> Vec<u64> {
        let rows = Rows::of(table, before);
        let start = |row| match rows.other(row) {
            None => time,
            Some((_, old)) if fell(&table.layout, old, table.values(row)) => self.at,
            Some((old, _)) => known.get(old).copied().unwrap_or(time),
        };
        (0..table.labels.len()).map(start).collect()
    }

    /// Of one row.
    pub(super) fn of(&self, table: &TableSnapshot, row: usize) -> u64 {
        self.since.get(&table.id).and_then(|since| since.get(row)).copied().unwrap_or(self.at)
    }
}

/// Whether a sum of the row began anew.
fn fell(layout: &Layout, before: &[Value], now: &[Value]) -> bool {
    before.iter().zip(now).enumerate().any(|(at, pair)| match pair {
        (Value::Number(before), Value::Number(now)) => {
            let field = layout.value_field(at);
            field.is_some_and(|field| field.kind != Kind::Gauge) && now.as_f64() < before.as_f64()
        }
        (Value::Histogram(before), Value::Histogram(now)) => {
            before.bounds != now.bounds || now.count() < before.count()
        }
        _ => false,
    })
}
