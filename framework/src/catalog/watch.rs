//! Follows the folders on disk and reports what changes in the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::assemble::assemble;
use super::diff::{Change, diff};
use super::folder::{Folder, Origin, Rules, load_folder};
use super::scan::{Root, list};
use super::settle::{Look, Settle};
use super::{Catalog, Fault};
pub use crate::dirwatch::Watch;
use crate::dirwatch::{DirWatch, Touched, Wake, points};

/// Changes that wait for a busy agent; with more the watch waits, and then sees the latest state.
const WAITING: usize = 64;
/// Events that come in swarms are looked at together.
const GATHER: Duration = Duration::from_millis(20);

/// Loads the catalog and follows it from then on. A folder that is bad by itself is not in the returned
/// catalog's faults: it is reported as a change once it has been quiet for a second.
///
/// # Errors
/// The system has no watch or no thread left.
pub fn watch(roots: Vec<Root>, rules: Rules) -> notify::Result<(Catalog, Watch<Change>)> {
    let mut watch = DirWatch::new()?;
    watch.aim(&Touched::default(), || wanted(&roots));
    let mut follower = Follower::new(roots, rules);
    follower.list_again(true, Instant::now());
    follower.load_first();
    let catalog = follower.catalog.clone();
    let (sender, changes) = mpsc::channel(WAITING);
    let stopper = watch.stopper();
    let thread = std::thread::Builder::new().name("catalog-watch".into());
    thread.spawn(move || run(watch, follower, &sender)).map_err(notify::Error::io)?;
    Ok((catalog, Watch { changes, _stopper: stopper }))
}

fn run(mut watch: DirWatch, mut follower: Follower, sender: &mpsc::Sender<Change>) {
    loop {
        let limit = follower.settle.next().map(|due| due.saturating_duration_since(Instant::now()));
        match watch.wait(limit) {
            Wake::Stopped => return,
            Wake::Timeout => {}
            Wake::Touched(touched) => {
                std::thread::sleep(GATHER);
                let now = Instant::now();
                follower.mark(&touched, now);
                if follower.is_structural(&touched) {
                    watch.aim(&touched, || wanted(&follower.roots));
                    follower.list_again(touched.all, now);
                }
            }
        }
        for change in follower.step(Instant::now()) {
            if sender.blocking_send(change).is_err() {
                return;
            }
        }
    }
}

/// The roots themselves, what leads to them, and every probe folder's top level.
fn wanted(roots: &[Root]) -> BTreeSet<PathBuf> {
    let mut all: BTreeSet<PathBuf> = roots.iter().flat_map(|root| points(&root.path)).collect();
    all.extend(roots.iter().filter(|root| root.path.is_dir()).map(|root| root.path.clone()));
    all.extend(list(roots).0.into_keys());
    all
}

/// What is known about the folders, and which of them are being looked at.
struct Follower {
    roots: Vec<Root>,
    rules: Rules,
    /// Folders that exist, or existed when last looked at.
    known: BTreeMap<PathBuf, Origin>,
    /// What the last look at each folder showed.
    settled: BTreeMap<PathBuf, Result<Arc<Folder>, Fault>>,
    root_faults: Vec<Fault>,
    settle: Settle,
    catalog: Catalog,
    /// Whether anything was learnt since the catalog was assembled.
    dirty: bool,
}

impl Follower {
    fn new(roots: Vec<Root>, rules: Rules) -> Self {
        Self {
            roots,
            rules,
            known: BTreeMap::new(),
            settled: BTreeMap::new(),
            root_faults: Vec::new(),
            settle: Settle::default(),
            catalog: Catalog::default(),
            dirty: false,
        }
    }

    /// Marks the folders in which something was touched.
    fn mark(&mut self, touched: &Touched, now: Instant) {
        for path in &touched.paths {
            if let Some(folder) = self.folder_of(path) {
                self.settle.touch(&folder, now);
            }
        }
    }

    /// Whether folders may have come or gone, which files inside known ones cannot tell: a probe may write
    /// beside its executable all day.
    fn is_structural(&self, touched: &Touched) -> bool {
        let inside = |path: &Path| path.parent().is_some_and(|folder| self.known.contains_key(folder));
        touched.all || touched.paths.iter().any(|path| !inside(path))
    }

    /// Lists the roots and marks the folders that have come or gone, or all of them.
    fn list_again(&mut self, all: bool, now: Instant) {
        let (found, faults) = list(&self.roots);
        self.dirty |= self.root_faults != faults;
        self.root_faults = faults;
        let both: BTreeSet<&PathBuf> = found.keys().chain(self.known.keys()).collect();
        for path in both {
            if all || found.contains_key(path) != self.known.contains_key(path) {
                self.settle.touch(path, now);
            }
        }
        self.known = found;
    }

    /// The probe folder, known or not, that a touched path belongs to.
    fn folder_of(&self, path: &Path) -> Option<PathBuf> {
        self.roots.iter().find_map(|root| {
            let name = path.strip_prefix(&root.path).ok()?.components().next()?;
            let folder = root.path.join(name);
            (self.known.contains_key(&folder) || self.settled.contains_key(&folder)).then_some(folder)
        })
    }

    /// The first load does not wait; what is bad is looked at again like any touched folder.
    fn load_first(&mut self) {
        for (path, origin) in &self.known {
            if let Some(Ok(folder)) = load_folder(path, *origin, &self.rules) {
                self.settled.insert(path.clone(), Ok(Arc::new(folder)));
            }
        }
        self.catalog = self.assembled();
    }

    /// Looks at the folders whose time has come; the changes that follow.
    fn step(&mut self, now: Instant) -> Vec<Change> {
        for (path, look, touched) in self.settle.due(now) {
            self.dirty = true;
            let origin = self.known.get(&path);
            match origin.and_then(|origin| load_folder(&path, *origin, &self.rules)) {
                None => {
                    self.settled.remove(&path);
                }
                Some(Ok(folder)) => {
                    self.settled.insert(path, Ok(Arc::new(folder)));
                }
                Some(Err(fault)) if look == Look::Final => {
                    self.settled.insert(path, Err(fault));
                }
                Some(Err(_)) => self.settle.wait_longer(&path, touched),
            }
        }
        if !std::mem::take(&mut self.dirty) {
            return Vec::new();
        }
        let new = self.assembled();
        let changes = diff(&self.catalog, &new);
        self.catalog = new;
        changes
    }

    fn assembled(&self) -> Catalog {
        let usable = self.settled.values().filter_map(|r| r.as_ref().ok().cloned()).collect();
        let faults = self.settled.values().filter_map(|r| r.as_ref().err().cloned());
        assemble(usable, faults.chain(self.root_faults.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests;
