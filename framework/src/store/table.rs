//! One table's rows: the last row per key, sums, ages and limits. No clock, no lock, no format.

use std::sync::Arc;

use foldhash::fast::FixedState;
use gopher_protocol::decode::Fields;
use gopher_protocol::histogram::Histogram;
use gopher_protocol::reject::FieldReason;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use super::labels::{About, END, Labels};
use super::layout::Layout;
use super::value::{Step, Value, step};

/// What the store needs to know of the moment and the process behind a row.
pub(super) struct Arrival {
    /// Milliseconds on the agent's monotonic clock.
    pub(super) now: u64,
    /// Whom the row is about, freshly checked.
    pub(super) about: About,
}

/// The rows of one table.
#[derive(Debug)]
pub(super) struct TableStore {
    pub(super) layout: Arc<Layout>,
    index: HashTable<u32>,
    hasher: FixedState,
    labels: Arc<Vec<Arc<Labels>>>,
    values: Vec<Value>,
    /// The rows' own values, kept only for an exposition that shows them.
    last: Option<Vec<Value>>,
    updated: Vec<u64>,
    version: u64,
    /// One per value: its item is switched off, so that what a row still says of it is ignored.
    off: Vec<bool>,
    key: Vec<u8>,
    changing: Vec<u8>,
    histogram: Histogram,
}

/// A row found or made.
pub(super) struct Slot {
    pub(super) row: usize,
    /// The key had no row yet.
    pub(super) created: bool,
    /// The row's labels are new or changed.
    pub(super) relabelled: bool,
    /// The labels that were replaced.
    pub(super) replaced: Option<Arc<Labels>>,
}

impl TableStore {
    pub(super) fn new(layout: Arc<Layout>, keep_last: bool) -> Self {
        Self {
            off: vec![false; layout.values.len()],
            layout,
            index: HashTable::new(),
            hasher: FixedState::default(),
            labels: Arc::default(),
            values: Vec::new(),
            last: keep_last.then(Vec::new),
            updated: Vec::new(),
            version: 1,
            key: Vec::new(),
            changing: Vec::new(),
            histogram: Histogram::default(),
        }
    }

    /// Reads the row's key and finds its row, if it has one. [`Self::place`] and [`Self::fill`] follow.
    #[inline]
    pub(super) fn find(&mut self, fields: &Fields<'_>) -> (u64, Option<usize>) {
        self.key.clear();
        self.changing.clear();
        for index in &self.layout.keys {
            self.key.extend_from_slice(fields.get(*index).as_bytes());
            self.key.push(END);
        }
        for index in &self.layout.labels {
            self.changing.extend_from_slice(fields.get(*index).as_bytes());
            self.changing.push(END);
        }
        let hash = self.hasher.hash_one(self.key.as_slice());
        let found = self.index.find(hash, |row| self.labels[*row as usize].key() == self.key);
        (hash, found.map(|row| *row as usize))
    }

    /// Makes the row that [`Self::find`] looked for, or brings the labels of the one it found up to date.
    #[inline]
    pub(super) fn place(&mut self, hash: u64, found: Option<usize>, arrival: &Arrival) -> Slot {
        let Some(row) = found else {
            let labels = Labels::new(&self.key, &self.changing, arrival.about.clone());
            return Slot {
                row: self.push(hash, labels, arrival.now),
                created: true,
                relabelled: true,
                replaced: None,
            };
        };
        let old = &self.labels[row];
        if arrival.about.is_as(old) && old.changing() == self.changing {
            return Slot { row, created: false, relabelled: false, replaced: None };
        }
        let process = arrival.about.process.clone().or_else(|| old.process().cloned());
        if !old.process().is_none_or(|old| process.as_ref().is_some_and(|new| old.is_same(new))) {
            self.forget_values(row);
        }
        let about = About { process, container: arrival.about.container.clone() };
        let labels = Labels::new(&self.key, &self.changing, about);
        Slot { row, created: false, relabelled: true, replaced: Some(self.relabel(row, labels)) }
    }

    /// Gives a row other labels; those that it had.
    pub(super) fn relabel(&mut self, row: usize, labels: Labels) -> Arc<Labels> {
        self.version += 1;
        std::mem::replace(&mut Arc::make_mut(&mut self.labels)[row], Arc::new(labels))
    }

    /// Applies the row's values; calls `refused` with the place among the values of each field that does not parse.
    #[inline]
    pub(super) fn fill(
        &mut self,
        row: usize,
        fields: &Fields<'_>,
        now: u64,
        mut refused: impl FnMut(usize, FieldReason),
    ) {
        let width = self.layout.values.len();
        let values = &mut self.values[row * width..(row + 1) * width];
        for (at, index) in self.layout.values.iter().enumerate() {
            if self.off[at] {
                continue;
            }
            let kind = self.layout.table.fields[*index].kind;
            match step(kind, fields.get(*index), &values[at], &mut self.histogram) {
                Ok(Step::Empty) => {}
                Ok(Step::Set(value, own)) => {
                    values[at] = value;
                    if let Some(last) = &mut self.last {
                        last[row * width + at] = own;
                    }
                }
                Err(reason) => refused(at, reason),
            }
        }
        self.updated[row] = now;
        self.version += 1;
    }

    fn push(&mut self, hash: u64, labels: Labels, now: u64) -> usize {
        let row = self.updated.len();
        let width = self.layout.values.len();
        self.values.resize((row + 1) * width, Value::Absent);
        if let Some(last) = &mut self.last {
            last.resize((row + 1) * width, Value::Absent);
        }
        self.updated.push(now);
        Arc::make_mut(&mut self.labels).push(Arc::new(labels));
        let (all, hasher) = (&self.labels, &self.hasher);
        let id = u32::try_from(row).unwrap_or(u32::MAX);
        self.index.insert_unique(hash, id, |other| hasher.hash_one(all[*other as usize].key()));
        row
    }

    fn forget_values(&mut self, row: usize) {
        let width = self.layout.values.len();
        self.values[row * width..(row + 1) * width].fill(Value::Absent);
        if let Some(last) = &mut self.last {
            last[row * width..(row + 1) * width].fill(Value::Absent);
        }
    }

    /// Removes one row; the last row takes its place.
    pub(super) fn remove(&mut self, row: usize) -> Arc<Labels> {
        let width = self.layout.values.len();
        let end = self.updated.len() - 1;
        self.unindex(row, row);
        if row != end {
            // The row that moves is found by its number, not by its key.
            self.unindex(end, end);
        }
        let removed = Arc::make_mut(&mut self.labels).swap_remove(row);
        self.updated.swap_remove(row);
        for column in [Some(&mut self.values), self.last.as_mut()].into_iter().flatten() {
            for at in 0..width {
                column.swap(row * width + at, end * width + at);
            }
            column.truncate(end * width);
        }
        if row != end {
            let hash = self.hasher.hash_one(self.labels[row].key());
            let (all, hasher) = (&self.labels, &self.hasher);
            let id = u32::try_from(row).unwrap_or(u32::MAX);
            self.index.insert_unique(hash, id, |other| hasher.hash_one(all[*other as usize].key()));
        }
        self.version += 1;
        removed
    }

    fn unindex(&mut self, row: usize, number: usize) {
        let hash = self.hasher.hash_one(self.labels[row].key());
        if let Ok(entry) = self.index.find_entry(hash, |other| *other as usize == number) {
            entry.remove();
        }
    }

    /// Removes every row that `ended` names (its age in milliseconds and labels); calls `removed` for each.
    pub(super) fn sweep(
        &mut self,
        mut ended: impl FnMut(u64, &Labels) -> bool,
        mut removed: impl FnMut(&Labels),
    ) {
        for row in (0..self.updated.len()).rev() {
            if ended(self.updated[row], &self.labels[row]) {
                removed(&self.remove(row));
            }
        }
        self.shrink();
    }

    /// Gives memory back after many rows have gone.
    fn shrink(&mut self) {
        if self.updated.capacity() > 64 && self.updated.len() < self.updated.capacity() / 4 {
            self.values.shrink_to_fit();
            self.updated.shrink_to_fit();
            if let Some(last) = &mut self.last {
                last.shrink_to_fit();
            }
            Arc::make_mut(&mut self.labels).shrink_to_fit();
            let (all, hasher) = (&self.labels, &self.hasher);
            self.index.shrink_to_fit(|other| hasher.hash_one(all[*other as usize].key()));
        }
    }

    /// Says which fields are switched off. What they held is forgotten; a row without any value left is removed.
    pub(super) fn switch_off(&mut self, is_off: impl Fn(usize) -> bool, mut removed: impl FnMut(&Labels)) {
        let width = self.layout.values.len();
        let off: Vec<bool> = self.layout.values.iter().map(|index| is_off(*index)).collect();
        let unchanged = off.iter().zip(&self.off).all(|(now, before)| !now || *before);
        self.off = off;
        if unchanged {
            return;
        }
        for column in [Some(&mut self.values), self.last.as_mut()].into_iter().flatten() {
            for (at, value) in column.iter_mut().enumerate() {
                if self.off[at % width] {
                    *value = Value::Absent;
                }
            }
        }
        self.version += 1;
        for row in (0..self.updated.len()).rev() {
            if self.row_values(row).iter().all(|value| *value == Value::Absent) {
                removed(&self.remove(row));
            }
        }
    }

    /// Whether a value, by its place among the values, is switched off.
    pub(super) fn is_off(&self, at: usize) -> bool {
        self.off[at]
    }

    pub(super) fn row_values(&self, row: usize) -> &[Value] {
        let width = self.layout.values.len();
        &self.values[row * width..(row + 1) * width]
    }

    pub(super) fn labels(&self) -> &Arc<Vec<Arc<Labels>>> {
        &self.labels
    }

    /// The columns of a snapshot: state, the rows' own values where kept, ages.
    pub(super) fn columns(&self) -> (&[Value], Option<&[Value]>, &[u64]) {
        (&self.values, self.last.as_deref(), &self.updated)
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn len(&self) -> usize {
        self.updated.len()
    }
}

#[cfg(test)]
mod tests;
