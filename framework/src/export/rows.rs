//! Finds the rows of one state of a table in another state of it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::store::{Snapshot, TableSnapshot, Value};

/// The rows of a table beside those of another snapshot. Labels are shared between states as long as they are the
/// same, and no others can be in their place while a snapshot holds them.
pub(super) struct Rows<'a> {
    table: &'a TableSnapshot,
    other: Option<&'a TableSnapshot>,
    /// Where the rows of `other` are, unless they are where those of `table` are.
    places: Option<HashMap<usize, usize>>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(table: &'a TableSnapshot, other: Option<&'a TableSnapshot>) -> Self {
        let moved = other.filter(|other| !Arc::ptr_eq(&table.labels, &other.labels));
        let places = moved.map(|other| {
            let labels = other.labels.iter().enumerate();
            labels.map(|(row, labels)| (Arc::as_ptr(labels).addr(), row)).collect()
        });
        Self { table, other, places }
    }

    /// Where the row is in the other state, and with which values.
    pub(super) fn other(&self, row: usize) -> Option<(usize, &'a [Value])> {
        let other = self.other?;
        let row = match &self.places {
            None => row,
            Some(places) => *places.get(&Arc::as_ptr(self.table.labels.get(row)?).addr())?,
        };
        Some((row, other.values(row)))
    }
}

/// The tables of a snapshot by what tells them apart.
pub(super) fn by_id(snapshot: &Snapshot) -> HashMap<u64, &TableSnapshot> {
    snapshot.tables.iter().map(|table| (table.id, &**table)).collect()
}
