//! The rows that the agent keeps: the last per key, summed where the table says so, bounded, aged out.
//!
//! Two ways out. [`Snapshot`]: the cumulative state, immutable, made on demand. [`Records`]: every accepted row and
//! event once, as it came. A reader of either never holds up a probe for longer than one copy of a table.

mod claims;
mod events;
mod folder;
mod labels;
mod layout;
mod records;
mod snapshot;
mod table;
mod value;
mod view;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gopher_protocol::manifest::Manifest;
use gopher_protocol::table::Table;

use self::claims::Claims;
use self::events::Events;
pub use self::folder::FolderStore;
pub use self::labels::Labels;
pub use self::layout::{GlobalLabels, Layout};
pub use self::records::{Body, EventRecord, Record, Records, Subscription, Wanted};
pub use self::snapshot::{Snapshot, TableSnapshot};
pub use self::value::Value;
pub use self::view::TableView;
use crate::enrich::{Added, Processes};
use crate::sync::lock;

/// Milliseconds that a series outlives its process.
const AFTER_PROCESS: u64 = 60_000;

/// The bounds of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds after its last row at which a series ends, at the least.
    pub record_timeout: u64,
    /// Keys per table.
    pub series_per_table: u64,
    /// Keys in all.
    pub series_total: u64,
    /// Milliseconds in which an event of the same entity and metric is left out; 0 = none is.
    pub event_window: u64,
}

/// What all folders share.
#[derive(Debug)]
struct Shared {
    limits: Mutex<Limits>,
    total: AtomicU64,
    keep_last: bool,
    globals: GlobalLabels,
    claims: Claims,
    processes: Arc<Processes>,
    /// The generation of what is known of processes that the series show.
    shown: AtomicU64,
    records: Records,
    events: Events,
}

impl Shared {
    fn layout(&self, table: &Arc<Table>, added: &Added) -> Arc<Layout> {
        Arc::new(Layout::new(Arc::clone(table), &self.globals, added, self.keep_last))
    }
}

/// All tables of all folders.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    folders: Mutex<BTreeMap<String, Arc<FolderStore>>>,
}

impl Store {
    /// An empty store. `keep_last` is for the exposition that shows what the original does: the rows' own values,
    /// kept beside the sums, and pods with their namespaces.
    #[must_use]
    pub fn new(limits: Limits, globals: GlobalLabels, processes: Arc<Processes>, keep_last: bool) -> Self {
        let shared = Shared {
            limits: Mutex::new(limits),
            total: AtomicU64::new(0),
            keep_last,
            globals,
            claims: Claims::default(),
            processes,
            shown: AtomicU64::new(0),
            records: Records::default(),
            events: Events::default(),
        };
        Self { shared: Arc::new(shared), folders: Mutex::default() }
    }

    /// The store of a folder, made anew where its tables have changed.
    pub fn folder(&self, manifest: &Manifest) -> Arc<FolderStore> {
        let mut folders = lock(&self.folders);
        if let Some(folder) = folders.get(&manifest.name) {
            if folder.serves(manifest) {
                return Arc::clone(folder);
            }
            folder.close();
        }
        let folder = Arc::new(FolderStore::new(Arc::clone(&self.shared), manifest));
        folders.insert(manifest.name.clone(), Arc::clone(&folder));
        let all: Vec<_> = folders.values().flat_map(|folder| folder.tables()).collect();
        if self.shared.claims.share(&all) {
            folders.values().for_each(|folder| folder.reclaim());
        }
        folder
    }

    /// Forgets a folder and all its series.
    pub fn remove(&self, folder: &str) {
        if let Some(folder) = lock(&self.folders).remove(folder) {
            folder.close();
        }
    }

    /// The state of everything now. Tables that have not changed since the last call are not copied again.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let folders: Vec<_> = lock(&self.folders).values().cloned().collect();
        Snapshot { tables: folders.iter().flat_map(|folder| folder.snapshot()).collect() }
    }

    /// All tables, folder by folder in manifest order.
    #[must_use]
    pub fn layouts(&self) -> Vec<Arc<Layout>> {
        let folders: Vec<_> = lock(&self.folders).values().cloned().collect();
        folders.iter().flat_map(|folder| folder.tables()).map(|(_, layout)| layout).collect()
    }

    /// Calls `each` with every table of this name in place. Its folder's rows wait meanwhile, so it is to be brief.
    pub fn look(&self, table: &str, mut each: impl FnMut(&TableView<'_>)) {
        let folders: Vec<_> = lock(&self.folders).values().cloned().collect();
        folders.iter().for_each(|folder| folder.look(table, &mut each));
    }

    /// Every accepted row and event, for exporters that pass them on one by one.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.shared.records
    }

    /// The latest events, at most 1,000, the oldest first. Each is among them before a reader of the stream has it.
    #[must_use]
    pub fn latest_events(&self) -> Vec<Arc<Record>> {
        self.shared.events.latest()
    }

    /// Ends the series that are due. Call it about once a second.
    pub fn sweep(&self, now: u64) {
        self.shared.processes.sweep(now);
        let known = self.shared.processes.generation();
        let is_news = self.shared.shown.swap(known, Ordering::Relaxed) != known;
        let folders: Vec<_> = lock(&self.folders).values().cloned().collect();
        for folder in folders {
            if is_news {
                folder.renew();
            }
            folder.sweep(now);
        }
    }

    /// Changes the bounds; what is over a new bound stays until its time.
    pub fn set_limits(&self, limits: Limits) {
        *lock(&self.shared.limits) = limits;
    }

    /// Keys kept now.
    #[must_use]
    pub fn series(&self) -> u64 {
        self.shared.total.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
