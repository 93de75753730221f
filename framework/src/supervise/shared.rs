//! The supervisor's handle, and what all workers share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::order::{Desired, Order};
use super::policy::Policy;
use super::sink::Capability;
use super::sink::Sinks;
use super::status::{Board, Brief, StateName, Status};
use super::worker::Worker;
use crate::contain::{Spawner, Usage};
use crate::sync::lock;

/// What all probes have in common.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the files go that probes read their configuration from.
    pub run_dir: PathBuf,
    /// Environment of every probe.
    pub env: Vec<(String, String)>,
    /// Times and counts.
    pub policy: Policy,
}

/// Runs the processes of probe folders. Clones are handles on the same supervisor.
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

/// What all workers share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) spawner: Arc<Spawner>,
    pub(super) sinks: Arc<dyn Sinks>,
    folders: Mutex<BTreeMap<Arc<str>, Entry>>,
    closing: AtomicBool,
    changes: watch::Sender<u64>,
}

struct Entry {
    order: Arc<watch::Sender<Order>>,
    board: Arc<Board>,
}

/// A folder that goes; closed when its worker has gone.
type Leaving = (Arc<str>, Arc<watch::Sender<Order>>);

impl Shared {
    /// Tells everybody that waits for it that some state has changed.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Forgets a removed folder; false when it has come back meanwhile.
    pub(super) fn forget(&self, folder: &str) -> bool {
        let mut folders = lock(&self.folders);
        let removed = folders.get(folder).is_none_or(|entry| entry.order.borrow().removed);
        if removed {
            folders.remove(folder);
            drop(folders);
            self.changed();
        }
        removed
    }

    /// The folders with their boards, in order of their names.
    fn boards(&self) -> Vec<Arc<Board>> {
        lock(&self.folders).values().map(|entry| Arc::clone(&entry.board)).collect()
    }

    /// Marks folders as removed; what they return closes when their workers are gone.
    fn leave(&self, leaves: impl Fn(&str) -> bool) -> Vec<Leaving> {
        let folders = lock(&self.folders);
        let leaving = folders.iter().filter(|(name, _)| leaves(name));
        leaving
            .map(|(name, entry)| {
                entry.order.send_modify(|order| order.removed = true);
                (Arc::clone(name), Arc::clone(&entry.order))
            })
            .collect()
    }
}

impl Supervisor {
    /// A supervisor without folders.
    #[must_use]
    pub fn new(settings: Settings, spawner: Arc<Spawner>, sinks: Arc<dyn Sinks>) -> Self {
        Self(Arc::new(Shared {
            settings,
            spawner,
            sinks,
            folders: Mutex::default(),
            closing: AtomicBool::new(false),
            changes: watch::Sender::new(0),
        }))
    }

    /// Sets what is wanted of a folder, new or known; an equal wish changes nothing. Must be called within a runtime.
    /// After [`Supervisor::shutdown`] nothing is started any more.
    pub fn set(&self, desired: Desired) {
        let mut folders = lock(&self.0.folders);
        if self.0.closing.load(Ordering::Acquire) {
            return;
        }
        let name: Arc<str> = desired.folder.manifest.name.as_str().into();
        if let Some(entry) = folders.get(&name) {
            entry.order.send_modify(|order| order.set(desired));
            drop(folders);
            // Who waits for this folder to go waits in vain.
            self.0.changed();
            return;
        }
        let (order, orders) = watch::channel(Order::new(desired));
        let board = Arc::new(Board::new(Arc::clone(&name)));
        let worker = Worker::new(Arc::clone(&self.0), Arc::clone(&board), orders);
        folders.insert(name, Entry { order: Arc::new(order), board });
        drop(folders);
        tokio::spawn(worker.run());
    }

    /// Stops a folder's process and forgets the folder. Returns once the process and its descendants are gone, or
    /// the folder is wanted again.
    pub async fn remove(&self, name: &str) {
        self.gone(&self.0.leave(|folder| folder == name)).await;
    }

    async fn gone(&self, leaving: &[Leaving]) {
        let mut changes = self.changes();
        for (_, order) in leaving {
            while !order.is_closed() && order.borrow().removed {
                tokio::select! {
                    () = order.closed() => {}
                    Ok(()) = changes.changed() => {}
                }
            }
        }
    }

    /// Restarts a folder's process, or tries again at once where that waits or has given up. False when there is no
    /// such folder or it is not to run.
    #[must_use]
    pub fn restart(&self, name: &str) -> bool {
        let folders = lock(&self.0.folders);
        folders.get(name).is_some_and(|entry| {
            entry.order.send_if_modified(|order| {
                let wanted = order.wanted().is_some();
                order.restarts += u64::from(wanted);
                wanted
            })
        })
    }

    /// Waits until the process of a folder says that this generation of its configuration, or a later one, is in force.
    /// False when there is no such folder, or it goes; a process that never says so is waited for without end.
    pub async fn applied(&self, folder: &str, generation: u64) -> bool {
        let watch = lock(&self.0.folders).get(folder).map(|entry| entry.board.delivery.watch_applied());
        let Some(mut watch) = watch else { return false };
        watch.wait_for(|applied| *applied >= Some(generation)).await.is_ok()
    }

    /// Waits until a folder has no process and is not to have one.
    pub async fn stopped(&self, folder: &str) {
        let mut changes = self.changes();
        let at_rest = || {
            lock(&self.0.folders)
                .get(folder)
                .is_none_or(|entry| entry.board.brief().state == StateName::Stopped)
        };
        while !at_rest() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Everything about every folder, in order of their names.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.0.boards().iter().map(|board| board.status()).collect()
    }

    /// Where every folder is in its life, in order of their names. Costs next to nothing.
    #[must_use]
    pub fn briefs(&self) -> Vec<Brief> {
        self.0.boards().iter().map(|board| board.brief()).collect()
    }

    /// What every folder's process and its descendants use, in order of the names. Reads files of the kernel for each.
    #[must_use]
    pub fn usages(&self) -> Vec<(Arc<str>, Option<Usage>)> {
        self.0.boards().iter().map(|board| (Arc::clone(&board.folder), board.usage())).collect()
    }

    /// What every folder's process said of its capabilities, in order of the names.
    #[must_use]
    pub fn capabilities(&self) -> Vec<(Arc<str>, Vec<Capability>)> {
        let of = |board: &Arc<Board>| (Arc::clone(&board.folder), lock(&board.capabilities).clone());
        self.0.boards().iter().map(of).collect()
    }

    /// Changes whenever the state of a folder does, or a folder goes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Stops all folders at the same time and starts nothing any more. Returns the folders whose processes were not
    /// gone within `deadline`.
    pub async fn shutdown(&self, deadline: Duration) -> Vec<String> {
        self.0.closing.store(true, Ordering::Release);
        let leaving = self.0.leave(|_| true);
        if tokio::time::timeout(deadline, self.gone(&leaving)).await.is_ok() {
            return Vec::new();
        }
        let left = leaving.iter().filter(|(_, order)| !order.is_closed());
        left.map(|(name, _)| name.to_string()).collect()
    }
}
