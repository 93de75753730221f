//! The series that were in one snapshot and are not in the next: their end is said with stale markers.

use std::collections::HashSet;

use super::proto::{Label, STALE, TimeSeries};
use super::series::Expansion;
use crate::export::rows::{Rows, by_id};
use crate::store::{Snapshot, TableSnapshot};

/// A marker for every series that has ended.
pub(super) fn ended(before: &Snapshot, now: &Snapshot, time: i64) -> Vec<TimeSeries> {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let (earlier, after) = (by_id(before), by_id(now));
    for table in &before.tables {
        compare(table, after.get(&table.id).copied(), time, &mut gone);
    }
    // Where nothing is gone, nobody asks what is new.
    if gone.is_empty() {
        return gone;
    }
    for table in &now.tables {
        compare(table, earlier.get(&table.id).copied(), time, &mut new);
    }
    // A series whose row or table was made anew lives on.
    let new: HashSet<Vec<Label>> = new.into_iter().map(|series| series.labels).collect();
    gone.retain(|series| !new.contains(&series.labels));
    gone
}

/// Appends the series of those rows of `table` that `other`, the same table at another time, does not have.
fn compare(table: &TableSnapshot, other: Option<&TableSnapshot>, time: i64, out: &mut Vec<TimeSeries>) {
    if other.is_some_and(|other| other.version == table.version) {
        return;
    }
    let rows = Rows::of(table, other);
    let expansion = Expansion::new(table);
    for row in 0..table.labels.len() {
        let same = rows.other(row).is_some_and(|(_, other)| Expansion::same_shape(table.values(row), other));
        if !same {
            expansion.row(row, time, Some(f64::from_bits(STALE)), out);
        }
    }
}
