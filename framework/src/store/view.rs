//! A table looked at in place: for readers that need few of its values and would copy all of them otherwise.

use std::sync::Arc;

use super::labels::Labels;
use super::layout::Layout;
use super::table::TableStore;
use super::value::Value;

/// One table under its folder's lock.
#[derive(Debug)]
pub struct TableView<'a> {
    /// Tells tables apart; a table that was made anew has a new one.
    pub id: u64,
    /// Milliseconds between two rows of a key, as its probe is configured; 0 = not known.
    pub period: u64,
    /// What its fields mean.
    pub layout: &'a Arc<Layout>,
    /// One per row.
    pub labels: &'a [Arc<Labels>],
    store: &'a TableStore,
}

impl<'a> TableView<'a> {
    pub(super) fn new(id: u64, period: u64, store: &'a TableStore) -> Self {
        Self { id, period, layout: &store.layout, labels: store.labels(), store }
    }

    /// Rises with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.store.version()
    }

    /// The state of a row's values, in the order of [`Layout::values`].
    #[must_use]
    pub fn values(&self, row: usize) -> &'a [Value] {
        self.store.row_values(row)
    }

    /// When the row last changed, in milliseconds of the monotonic clock.
    #[must_use]
    pub fn updated(&self, row: usize) -> u64 {
        self.store.columns().2.get(row).copied().unwrap_or(0)
    }
}
