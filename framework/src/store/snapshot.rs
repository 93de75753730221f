//! The state of the store at one moment, immutable.

use std::sync::Arc;

use super::claims::TableId;
use super::labels::Labels;
use super::layout::Layout;
use super::table::TableStore;
use super::value::Value;

/// All tables at about one moment; each table is whole.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Folder by folder, in manifest order.
    pub tables: Vec<Arc<TableSnapshot>>,
}

/// One table at one moment.
#[derive(Debug)]
pub struct TableSnapshot {
    /// Tells tables apart; a table that was made anew has a new one.
    pub id: u64,
    /// Rises with every change: two snapshots of one table with equal versions are equal.
    pub version: u64,
    /// What its fields mean.
    pub layout: Arc<Layout>,
    /// One per row.
    pub labels: Arc<Vec<Arc<Labels>>>,
    values: Box<[Value]>,
    last: Option<Box<[Value]>>,
    updated: Box<[u64]>,
}

impl TableSnapshot {
    /// A snapshot of the table; the one in `cached` where nothing has changed since.
    pub(super) fn take(id: TableId, table: &TableStore, cached: &mut Option<Arc<Self>>) -> Arc<Self> {
        if let Some(cached) = cached.as_ref().filter(|cached| cached.version == table.version()) {
            return Arc::clone(cached);
        }
        let (values, last, updated) = table.columns();
        let snapshot = Arc::new(Self {
            id,
            version: table.version(),
            layout: Arc::clone(&table.layout),
            labels: Arc::clone(table.labels()),
            values: values.into(),
            last: last.map(Into::into),
            updated: updated.into(),
        });
        *cached = Some(Arc::clone(&snapshot));
        snapshot
    }

    /// The state of a row's values, in the order of [`Layout::values`].
    #[must_use]
    pub fn values(&self, row: usize) -> &[Value] {
        row_of(&self.values, row, self.layout.values.len())
    }

    /// The last row's own values (for a counter its increase), where the store keeps them, else nothing.
    #[must_use]
    pub fn last(&self, row: usize) -> &[Value] {
        self.last.as_deref().map_or(&[], |last| row_of(last, row, self.layout.values.len()))
    }

    /// When the row last changed, in milliseconds of the monotonic clock.
    #[must_use]
    pub fn updated(&self, row: usize) -> u64 {
        self.updated.get(row).copied().unwrap_or(0)
    }
}

fn row_of(values: &[Value], row: usize, width: usize) -> &[Value] {
    values.get(row * width..(row + 1) * width).unwrap_or(&[])
}
