//! The series that were in one snapshot and are not in the next: their end is said with stale markers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::proto::{Label, STALE, TimeSeries};
use super::series::Expansion;
use crate::store::{Labels, Snapshot, TableSnapshot};

/// A marker for every series that has ended.
pub(super) fn ended(before: &Snapshot, now: &Snapshot, time: i64) -> Vec<TimeSeries> {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    for table in &before.tables {
        let after = now.tables.iter().find(|after| after.id == table.id);
        compare(table, after.map(Arc::as_ref), time, &mut gone);
    }
    // Where nothing is gone, nobody asks what is new.
    if gone.is_empty() {
        return gone;
    }
    for table in &now.tables {
        let earlier = before.tables.iter().find(|earlier| earlier.id == table.id);
        compare(table, earlier.map(Arc::as_ref), time, &mut new);
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
    let rows = |table: &TableSnapshot| -> HashMap<*const Labels, usize> {
        table.labels.iter().enumerate().map(|(row, labels)| (Arc::as_ptr(labels), row)).collect()
    };
    // Both snapshots keep their labels alive, so an address names one series.
    let others = other.map(rows).unwrap_or_default();
    let expansion = Expansion::new(table);
    for (row, labels) in table.labels.iter().enumerate() {
        let same = other.zip(others.get(&Arc::as_ptr(labels)));
        if !same.is_some_and(|(other, at)| Expansion::same_shape(table.values(row), other.values(*at))) {
            expansion.row(row, time, Some(f64::from_bits(STALE)), out);
        }
    }
}
