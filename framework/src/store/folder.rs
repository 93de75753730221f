//! The tables of one folder. One process writes them, so one lock serves them all.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use gopher_protocol::decode::{Fields, Row};
use gopher_protocol::event::Event;
use gopher_protocol::manifest::Manifest;
use gopher_protocol::table::Table;

use super::claims::TableId;
use super::labels::{About, Labels};
use super::layout::Layout;
use super::records::Record;
use super::snapshot::TableSnapshot;
use super::table::{Arrival, Slot, TableStore};
use super::view::TableView;
use super::{AFTER_PROCESS, Shared};
use crate::clock::mono_ms;
use crate::enrich::{Added, Process, Processes};
use crate::ingest::{Batch, Dropped, RowSink};
use crate::sync::lock;

static NEXT_TABLE: AtomicU64 = AtomicU64::new(1);

/// One table with what belongs to it here.
#[derive(Debug)]
struct Kept {
    id: TableId,
    store: TableStore,
    /// What its probe's scope adds to its labels.
    added: Arc<Added>,
    /// Milliseconds between two rows of a key, as its probe is configured.
    period: u64,
    /// Its probe is stopped: rows that are under way are dropped.
    stopped: bool,
    snapshot: Option<Arc<TableSnapshot>>,
}

/// The tables of one folder.
#[derive(Debug)]
pub struct FolderStore {
    shared: Arc<Shared>,
    name: String,
    tables: Vec<Arc<Table>>,
    series: AtomicU64,
    series_limit: u64,
    closed: AtomicBool,
    kept: Mutex<Vec<Kept>>,
}

impl FolderStore {
    pub(super) fn new(shared: Arc<Shared>, manifest: &Manifest) -> Self {
        let kept = manifest.tables.iter().map(|table| {
            let added = Arc::<Added>::default();
            let layout = shared.layout(table, &added);
            let store = TableStore::new(layout, shared.keep_last);
            Kept {
                id: NEXT_TABLE.fetch_add(1, Ordering::Relaxed),
                store,
                added,
                period: 0,
                stopped: false,
                snapshot: None,
            }
        });
        Self {
            name: manifest.name.clone(),
            tables: manifest.tables.clone(),
            series: AtomicU64::new(0),
            series_limit: u64::from(manifest.limits.series),
            closed: AtomicBool::new(false),
            kept: Mutex::new(kept.collect()),
            shared,
        }
    }

    pub(super) fn serves(&self, manifest: &Manifest) -> bool {
        self.tables == manifest.tables
            && self.series_limit == u64::from(manifest.limits.series)
            && !self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn tables(&self) -> Vec<(TableId, Arc<Layout>)> {
        lock(&self.kept).iter().map(|kept| (kept.id, Arc::clone(&kept.store.layout))).collect()
    }

    /// Calls `each` with the tables of this name in place.
    pub(super) fn look(&self, table: &str, each: &mut impl FnMut(&TableView<'_>)) {
        for kept in lock(&self.kept).iter().filter(|kept| kept.store.layout.table.name == table) {
            each(&TableView::new(kept.id, kept.period, &kept.store));
        }
    }

    /// Claims the label sets of all rows anew; a row whose set another table has by now goes.
    pub(super) fn reclaim(&self) {
        for kept in lock(&self.kept).iter_mut() {
            let (id, layout) = (kept.id, Arc::clone(&kept.store.layout));
            let claims = &self.shared.claims;
            kept.store.sweep(
                |_, labels| !claims.claim(id, &layout, labels),
                |labels| self.removed(id, &layout, labels),
            );
        }
    }

    /// Sets the report period of a probe's tables in milliseconds: their series live 2.5 periods at the least.
    pub fn set_period(&self, probe: &str, period: u64) {
        for kept in lock(&self.kept).iter_mut().filter(|kept| kept.store.layout.table.probe == probe) {
            kept.period = period;
        }
    }

    /// Sets the labels that the scope of a probe adds; its series change theirs at once. A row whose labels another
    /// table has then goes.
    pub fn label(&self, probe: &str, added: &Arc<Added>) {
        for kept in lock(&self.kept).iter_mut().filter(|kept| kept.store.layout.table.probe == probe) {
            if !Arc::ptr_eq(&kept.added, added) {
                kept.added = Arc::clone(added);
                let layout = self.shared.layout(&kept.store.layout.table, added);
                self.relabel(kept, layout, |labels| Some(labels.now()));
            }
        }
    }

    /// Brings labels up to date after something has become known of processes or containers without a row.
    pub(super) fn renew(&self) {
        for kept in lock(&self.kept).iter_mut() {
            let layout = Arc::clone(&kept.store.layout);
            self.relabel(kept, layout, |labels| renewed(&self.shared.processes, labels));
        }
    }

    /// Gives rows a layout, and other labels where `about` says so.
    fn relabel(&self, kept: &mut Kept, layout: Arc<Layout>, about: impl Fn(&Labels) -> Option<About>) {
        let (before, claims) = (std::mem::replace(&mut kept.store.layout, layout), &self.shared.claims);
        let layout = Arc::clone(&kept.store.layout);
        let changed = (0..kept.store.len()).filter_map(|row| Some((row, about(&kept.store.labels()[row])?)));
        let changed: Vec<_> = changed.collect();
        for (row, about) in &changed {
            let labels = kept.store.labels()[*row].about(about.clone());
            let replaced = kept.store.relabel(*row, labels);
            claims.release(kept.id, &before, &replaced);
        }
        // From the end, because a row that goes gives its place to the last one.
        for (row, _) in changed.iter().rev() {
            if !claims.claim(kept.id, &layout, &kept.store.labels()[*row]) {
                let removed = kept.store.remove(*row);
                self.removed(kept.id, &layout, &removed);
            }
        }
    }

    /// Says what of a probe is to be kept from now on: `None` = it is stopped, else the items that are on. The series
    /// of what is off go at once, and rows that are still under way do not bring them back.
    pub fn switch(&self, probe: &str, items: Option<&[String]>) {
        for kept in lock(&self.kept).iter_mut().filter(|kept| kept.store.layout.table.probe == probe) {
            kept.stopped = items.is_none();
            let (id, layout) = (kept.id, Arc::clone(&kept.store.layout));
            let on = |item: &String| items.is_some_and(|items| items.contains(item));
            let is_off = |field: usize| {
                items.is_none() || layout.table.fields[field].item.as_ref().is_some_and(|item| !on(item))
            };
            kept.store.switch_off(is_off, |labels| self.removed(id, &layout, labels));
        }
    }

    pub(super) fn clear(&self, wanted: impl Fn(&Table) -> bool) {
        for kept in lock(&self.kept).iter_mut().filter(|kept| wanted(&kept.store.layout.table)) {
            let (id, layout) = (kept.id, Arc::clone(&kept.store.layout));
            kept.store.sweep(|_, _| true, |labels| self.removed(id, &layout, labels));
        }
    }

    /// Forgets everything and takes no more rows.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.clear(|_| true);
    }

    pub(super) fn sweep(&self, now: u64) {
        let timeout = lock(&self.shared.limits).record_timeout;
        for kept in lock(&self.kept).iter_mut() {
            let (id, layout) = (kept.id, Arc::clone(&kept.store.layout));
            let life = timeout.max(kept.period.saturating_mul(5) / 2);
            let ended =
                |updated: u64, labels: &Labels| match labels.process().and_then(|process| process.ended()) {
                    Some(at) => at.max(updated) + AFTER_PROCESS < now,
                    None => updated + life < now,
                };
            kept.store.sweep(ended, |labels| self.removed(id, &layout, labels));
        }
    }

    pub(super) fn snapshot(&self) -> Vec<Arc<TableSnapshot>> {
        let mut tables = lock(&self.kept);
        tables.iter_mut().map(|kept| TableSnapshot::take(kept.id, &kept.store, &mut kept.snapshot)).collect()
    }

    fn removed(&self, id: TableId, layout: &Layout, labels: &Labels) {
        self.series.fetch_sub(1, Ordering::Relaxed);
        self.shared.total.fetch_sub(1, Ordering::Relaxed);
        self.shared.claims.release(id, layout, labels);
    }

    /// Whether one more key may be made.
    fn room(&self, in_table: usize) -> Result<(), Dropped> {
        let limits = *lock(&self.shared.limits);
        if self.series.load(Ordering::Relaxed) >= self.series_limit {
            return Err(Dropped::SeriesPerFolder);
        }
        if in_table as u64 >= limits.series_per_table {
            return Err(Dropped::SeriesPerTable);
        }
        if self.shared.total.load(Ordering::Relaxed) >= limits.series_total {
            return Err(Dropped::SeriesTotal);
        }
        Ok(())
    }
}

impl RowSink for FolderStore {
    fn batch(&self) -> Box<dyn Batch + '_> {
        Box::new(OpenBatch {
            folder: self,
            now: mono_ms(),
            kept: lock(&self.kept),
            refused: [0; 3],
            recording: self.shared.records.rows_wanted(),
        })
    }
}

/// The folder's tables, locked for the lines of one read.
struct OpenBatch<'a> {
    folder: &'a FolderStore,
    now: u64,
    kept: MutexGuard<'a, Vec<Kept>>,
    refused: [u64; 3],
    recording: bool,
}

impl Batch for OpenBatch<'_> {
    #[inline]
    fn row(&mut self, row: &Row<'_>) -> Result<(), Dropped> {
        let folder = self.folder;
        let Some(kept) = self.kept.get_mut(row.table) else { return Err(Dropped::Stopped) };
        if kept.stopped {
            return Err(Dropped::Stopped);
        }
        let (hash, found) = kept.store.find(&row.fields);
        if found.is_none() {
            folder.room(kept.store.len())?;
            if folder.closed.load(Ordering::Relaxed) {
                return Err(Dropped::Stopped);
            }
        }
        let about = about(folder, kept, found, &row.fields, self.now);
        let slot = kept.store.place(hash, found, &Arrival { now: self.now, about });
        if slot.created {
            folder.series.fetch_add(1, Ordering::Relaxed);
            folder.shared.total.fetch_add(1, Ordering::Relaxed);
        }
        if slot.relabelled {
            settle(folder, kept, &slot)?;
        }
        let (refused, mut bad) = (&mut self.refused, Vec::new());
        kept.store.fill(slot.row, &row.fields, self.now, |at, reason| {
            refused[reason as usize] += 1;
            bad.push(at);
        });
        if self.recording {
            let labels = Arc::clone(&kept.store.labels()[slot.row]);
            let is_kept = |at: usize| !kept.store.is_off(at) && !bad.contains(&at);
            let record = Record::row(&kept.store.layout, labels, &row.fields, is_kept);
            folder.shared.records.send(Arc::new(record));
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> bool {
        let shared = &self.folder.shared;
        let window = lock(&shared.limits).event_window;
        if !shared.events.is_new([event.entity, event.entity_id, event.metric], self.now, window) {
            return false;
        }
        let process = process(&shared.processes, event, self.now);
        let record = Arc::new(Record::event(&self.folder.name, event, process.as_deref()));
        shared.events.keep(Arc::clone(&record));
        shared.records.send(record);
        true
    }

    fn log(&mut self, fields: &Fields<'_>) {
        if self.folder.shared.records.wanted() {
            self.folder.shared.records.send(Arc::new(Record::log(&self.folder.name, fields)));
        }
    }

    fn refused_fields(&self) -> [u64; 3] {
        self.refused
    }
}

/// Whom a row is about: whom its series is about, looked at again, or who has the ids now.
#[inline]
fn about(folder: &FolderStore, kept: &Kept, found: Option<usize>, fields: &Fields<'_>, now: u64) -> About {
    let (layout, processes) = (&kept.store.layout, &folder.shared.processes);
    if layout.tgid.is_none() && layout.container.is_none() {
        return About::default();
    }
    let known = found.map(|row| &kept.store.labels()[row]);
    let process = layout.tgid.and_then(|tgid| match known.and_then(|labels| labels.process()) {
        Some(known) => processes.refresh(known, now),
        None => processes.get(fields.get(tgid).parse().ok()?, now),
    });
    let container = layout.container.and_then(|index| {
        let (id, known) = (fields.get(index), known.and_then(|labels| labels.named_container()));
        match known.filter(|known| known.id == id) {
            Some(known) => Some(Arc::clone(known)),
            None => processes.containers().by_id(id, now),
        }
    });
    About { process, container }
}

/// The process of an event that does not say all about it.
fn process(processes: &Processes, event: &Event<'_>, now: u64) -> Option<Arc<Process>> {
    let is_whole = [event.comm, event.container_id, event.pod_id].iter().all(|text| !text.is_empty());
    if is_whole { None } else { processes.get(event.pid.parse().ok()?, now) }
}

/// Whom a series is about with what has become known meanwhile; `None` where nothing has.
fn renewed(processes: &Processes, labels: &Labels) -> Option<About> {
    let process = labels.process().and_then(|process| processes.renewed(process));
    let container = labels.named_container().map(|known| (known, processes.containers().current(known)));
    let container =
        container.filter(|(known, current)| !Arc::ptr_eq(known, current)).map(|(_, current)| current);
    if process.is_none() && container.is_none() {
        return None;
    }
    let now = labels.now();
    Some(About { process: process.or(now.process), container: container.or(now.container) })
}

/// Claims the new labels of a row; where another table has them already the row goes.
fn settle(folder: &FolderStore, kept: &mut Kept, slot: &Slot) -> Result<(), Dropped> {
    let layout = Arc::clone(&kept.store.layout);
    if let Some(replaced) = &slot.replaced {
        folder.shared.claims.release(kept.id, &layout, replaced);
    }
    if folder.shared.claims.claim(kept.id, &layout, &kept.store.labels()[slot.row]) {
        return Ok(());
    }
    let removed = kept.store.remove(slot.row);
    folder.removed(kept.id, &layout, &removed);
    Err(Dropped::Duplicate)
}
