//! Waits for changes below directories that may not exist yet, be swapped by symbolic links, or come back.
//!
//! inotify watches inodes, users think in paths. [`points`] finds the directories that decide what a path means
//! today; [`DirWatch::aim`] watches exactly these and is called again after every change.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::sync::lock;

/// Most touched paths that are remembered one by one; beyond it everything counts as touched.
const MAX_PATHS: usize = 4_096;
/// Most symbolic links on the way to a path, as in the kernel.
const MAX_LINKS: usize = 40;
/// Rounds until the watched directories must agree with the file system.
const MAX_ROUNDS: usize = 8;

/// What was touched since the last look.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Paths below watched directories, and watched directories themselves.
    pub(crate) paths: BTreeSet<PathBuf>,
    /// Events were lost or there were too many: anything may have changed.
    pub(crate) all: bool,
}

/// Why a wait ended.
#[derive(Debug)]
pub(crate) enum Wake {
    /// Something was touched.
    Touched(Touched),
    /// The time is over.
    Timeout,
    /// The other side has gone.
    Stopped,
}

#[derive(Default)]
struct State {
    touched: Touched,
    woken: bool,
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

impl Shared {
    fn event(&self, event: notify::Result<Event>) {
        let mut state = lock(&self.state);
        match event {
            Ok(event) if is_read(&event) => return,
            Ok(event) if event.need_rescan() => state.touched.all = true,
            Ok(event) => state.touched.paths.extend(event.paths),
            Err(error) => {
                tracing::warn!(%error, "Watching files reported an error, everything is looked at again.");
                state.touched.all = true;
            }
        }
        if state.touched.paths.len() > MAX_PATHS {
            state.touched.paths.clear();
            state.touched.all = true;
        }
        state.woken = true;
        self.wake.notify_one();
    }
}

/// Opening, reading and closing what was only read changes nothing; probes and this agent do it all the time.
fn is_read(event: &Event) -> bool {
    matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write))
}

/// A set of watched directories. Lives on one thread, which blocks in [`DirWatch::wait`].
pub(crate) struct DirWatch {
    watcher: RecommendedWatcher,
    shared: Arc<Shared>,
    watched: BTreeSet<PathBuf>,
    refused: BTreeSet<PathBuf>,
}

impl DirWatch {
    /// # Errors
    /// The system has no watch instance left.
    pub(crate) fn new() -> notify::Result<Self> {
        let shared = Arc::new(Shared::default());
        let sink = Arc::clone(&shared);
        let watcher = notify::recommended_watcher(move |event| sink.event(event))?;
        Ok(Self { watcher, shared, watched: BTreeSet::new(), refused: BTreeSet::new() })
    }

    /// The handle that ends the waiting when it is dropped.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Watches the directories that `wanted` names and no others. `wanted` is asked again until nothing changed
    /// meanwhile. A directory that was itself touched is watched anew: its path may mean another inode now.
    pub(crate) fn aim(&mut self, touched: &Touched, wanted: impl Fn() -> BTreeSet<PathBuf>) {
        let stale: Vec<_> =
            self.watched.iter().filter(|d| touched.all || touched.paths.contains(*d)).cloned().collect();
        stale.iter().for_each(|directory| self.remove(directory));
        for _ in 0..MAX_ROUNDS {
            let now = wanted();
            let gone: Vec<_> = self.watched.difference(&now).cloned().collect();
            gone.iter().for_each(|directory| self.remove(directory));
            self.refused.retain(|directory| now.contains(directory));
            let new: Vec<_> = now.difference(&self.watched).cloned().collect();
            if new.iter().all(|directory| self.refused.contains(directory)) {
                return;
            }
            new.iter().for_each(|directory| self.add(directory));
        }
    }

    fn add(&mut self, directory: &Path) {
        match self.watcher.watch(directory, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(directory.to_owned());
                self.refused.remove(directory);
            }
            // It went away between the look and the watch: the next round finds its ancestor.
            Err(_) if !directory.exists() => {}
            Err(error) => {
                if self.refused.insert(directory.to_owned()) {
                    let path = directory.display();
                    tracing::warn!(%error, %path, "Cannot watch a directory, its changes will not be noticed.");
                }
            }
        }
    }

    fn remove(&mut self, directory: &Path) {
        self.watched.remove(directory);
        if let Err(error) = self.watcher.unwatch(directory) {
            // The kernel drops the watch of a deleted directory by itself.
            tracing::trace!(%error, path = %directory.display(), "A watch was already gone.");
        }
    }

    /// Waits until something is touched, the time is over or the stopper is dropped.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Wake {
        let idle = |state: &mut State| !state.woken && !state.stopped;
        let state = lock(&self.shared.state);
        let mut state = match limit {
            None => self.shared.wake.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.shared.wake.wait_timeout_while(state, limit, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if state.stopped {
            return Wake::Stopped;
        }
        if !state.woken {
            return Wake::Timeout;
        }
        state.woken = false;
        Wake::Touched(std::mem::take(&mut state.touched))
    }
}

/// Ends the wait of its [`DirWatch`] when dropped.
pub(crate) struct Stopper(Arc<Shared>);

impl Drop for Stopper {
    fn drop(&mut self) {
        lock(&self.0.state).stopped = true;
        self.0.wake.notify_one();
    }
}

/// The receiving end of a watch; dropping it ends the watch and its thread.
pub struct Watch<T> {
    pub(crate) changes: mpsc::Receiver<T>,
    pub(crate) _stopper: Stopper,
}

impl<T> Watch<T> {
    /// The next change; `None` when the watch has ended.
    pub async fn next(&mut self) -> Option<T> {
        self.changes.recv().await
    }
}

/// The directories whose entries decide what a path names: the parent of the file, of every symbolic link on
/// the way, and where something is missing the directory it would appear in. A relative path gives none.
pub(crate) fn points(path: &Path) -> BTreeSet<PathBuf> {
    let mut points = BTreeSet::new();
    let mut rest: VecDeque<OsString> = names(path);
    let mut current = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            current.pop();
            continue;
        }
        let next = current.join(&name);
        let Ok(meta) = next.symlink_metadata() else {
            points.insert(current);
            return points;
        };
        if !meta.is_symlink() {
            if rest.is_empty() {
                points.insert(current);
                return points;
            }
            current = next;
            continue;
        }
        points.insert(current.clone());
        links += 1;
        let (Ok(target), true) = (next.read_link(), links <= MAX_LINKS) else { return points };
        if target.is_absolute() {
            current = PathBuf::from("/");
        }
        rest = names(&target).into_iter().chain(rest).collect();
    }
    points.insert(current);
    points
}

fn names(path: &Path) -> VecDeque<OsString> {
    let wanted = path.components().filter(|c| matches!(c, Component::Normal(_) | Component::ParentDir));
    wanted.map(|c| c.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_missing_path_is_awaited_in_its_nearest_ancestor() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        assert_eq!(points(&root.join("a/b/file")), BTreeSet::from([root.clone()]));
        std::fs::create_dir(root.join("a")).unwrap();
        assert_eq!(points(&root.join("a/b/file")), BTreeSet::from([root.join("a")]));
    }

    #[test]
    fn every_link_on_the_way_counts() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("conf/..v1")).unwrap();
        std::fs::write(root.join("conf/..v1/file"), "").unwrap();
        symlink("..v1", root.join("conf/..data")).unwrap();
        symlink("..data/file", root.join("conf/file")).unwrap();
        symlink(root.join("conf"), root.join("alias")).unwrap();
        let expected = BTreeSet::from([root.clone(), root.join("conf"), root.join("conf/..v1")]);
        assert_eq!(points(&root.join("alias/file")), expected);
    }

    #[test]
    fn a_loop_of_links_ends() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        assert_eq!(points(&root.join("a")), BTreeSet::from([root]));
    }
}
