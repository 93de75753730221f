//! The processes that rows name or a scope follows, read from procfs and looked at again.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::cgroup::container_of;
use super::container::Container;
use super::containers::Containers;
use super::process::Process;
use super::procfs::Procfs;
use crate::sync::lock;

/// Milliseconds for which a process is taken to be what it was: probes write the rows of a report together, and until
/// the next report the id may be another's.
const TRUST: u64 = 100;
/// Milliseconds that a process is kept after its end, for the last rows about it.
const AFTER_END: u64 = 60_000;
/// The most processes kept; more are read anew each time they are named.
const CAPACITY: usize = 65_536;
/// With more processes than this, one that has ended is kept only while rows name it.
const MANY: usize = 16_384;

/// A cache over `/proc`.
#[derive(Debug)]
pub struct Processes {
    procfs: Procfs,
    containers: Arc<Containers>,
    known: Mutex<HashMap<u32, Arc<Process>>>,
    /// Everybody is kept and kept up to date, whether rows name them or not.
    followed: AtomicBool,
    /// Who was seen not to be as before, by whoever looked, while everybody is followed.
    noticed: Mutex<HashSet<u32>>,
    /// The generation of the containers that the known processes show.
    shown: AtomicU64,
}

impl Processes {
    /// Over the procfs below `host_path` (`/` outside containers).
    #[must_use]
    pub fn new(host_path: &Path) -> Self {
        Self {
            procfs: Procfs::new(host_path),
            containers: Arc::new(Containers::new(host_path)),
            known: Mutex::default(),
            followed: AtomicBool::new(false),
            noticed: Mutex::default(),
            shown: AtomicU64::new(0),
        }
    }

    /// The containers of these processes.
    #[must_use]
    pub fn containers(&self) -> &Arc<Containers> {
        &self.containers
    }

    /// The process with this id, as it was a tenth of a second ago at most; for a minute also one that has ended, unless another has its
    /// id. `None` when there is none.
    pub fn get(&self, pid: u32, now: u64) -> Option<Arc<Process>> {
        let known = lock(&self.known).get(&pid).cloned();
        match known {
            Some(process) if now < process.checked() + TRUST => Some(process),
            _ => self.look(pid, now),
        }
    }

    /// What `process` has become: itself where it was looked at just before, itself with other labels, or the process
    /// that has its id now. `None` when it has ended.
    #[inline]
    pub fn refresh(&self, process: &Arc<Process>, now: u64) -> Option<Arc<Process>> {
        if process.ended().is_some() {
            // Its id may have been given to another since.
            return self.get(process.pid, now).filter(|current| current.ended().is_none());
        }
        if now < process.checked() + TRUST {
            return Some(Arc::clone(process));
        }
        process.check(now);
        let current = self.look(process.pid, now);
        if !current.as_ref().is_some_and(|current| current.is_same(process) && current.ended().is_none()) {
            process.end(now);
        }
        current.filter(|current| current.ended().is_none())
    }

    /// `process` with the labels that it has now, where these have changed; without a look at procfs.
    pub fn renewed(&self, process: &Arc<Process>) -> Option<Arc<Process>> {
        let known = lock(&self.known).get(&process.pid).cloned();
        known.filter(|known| known.is_same(process) && !Arc::ptr_eq(known, process))
    }

    /// Rises whenever something becomes known that changes labels without a row; see [`Self::renewed`].
    pub fn generation(&self) -> u64 {
        self.shown.load(Ordering::Relaxed)
    }

    /// Reads everything about a process.
    pub(super) fn look(&self, pid: u32, now: u64) -> Option<Arc<Process>> {
        let current = self.read(pid, now);
        self.keep(pid, current, now)
    }

    /// Reads a process anew where its start or its name has changed: an exec changes the name in nearly every case.
    fn glance(&self, pid: u32, now: u64) {
        let known = lock(&self.known).get(&pid).cloned();
        if let Some(known) = known.filter(|known| known.ended().is_none())
            && let Some(glance) = self.procfs.glance(pid)
            && (glance.start_ticks, glance.comm.as_str()) == (known.start_ticks, known.comm.as_str())
        {
            known.check(now);
            return;
        }
        self.look(pid, now);
    }

    /// Looks at all processes: at their starts and names, or at everything about them.
    pub(super) fn scan(&self, now: u64, everything: bool) {
        let pids: HashSet<_> = self.procfs.pids().collect();
        for pid in &pids {
            if everything {
                self.look(*pid, now);
            } else {
                self.glance(*pid, now);
            }
        }
        let gone = |process: &&Arc<Process>| process.ended().is_none() && !pids.contains(&process.pid);
        let gone: Vec<_> = lock(&self.known).values().filter(gone).cloned().collect();
        for process in gone {
            process.end(now);
            self.notice(process.pid);
        }
    }

    /// Those that were not as before when somebody looked, the watch or a row, since the last call.
    pub(super) fn noticed(&self) -> HashSet<u32> {
        std::mem::take(&mut *lock(&self.noticed))
    }

    fn notice(&self, pid: u32) {
        if self.followed.load(Ordering::Relaxed) {
            lock(&self.noticed).insert(pid);
        }
    }

    /// Gives processes the labels that have become known of their containers.
    pub(super) fn renew(&self) {
        let generation = self.containers.generation();
        if self.generation() == generation {
            return;
        }
        for process in lock(&self.known).values_mut() {
            let Some(container) = &process.container else { continue };
            let current = self.containers.current(container);
            if !Arc::ptr_eq(container, &current) {
                *process = Arc::new(process.within(Some(current)));
            }
        }
        self.shown.store(generation, Ordering::Relaxed);
    }

    /// Keeps everybody from now on, or only whom rows name.
    pub(super) fn follow(&self, followed: bool) {
        self.followed.store(followed, Ordering::Relaxed);
        lock(&self.noticed).clear();
    }

    /// Calls `each` with every process that is known and lives.
    pub(super) fn each(&self, mut each: impl FnMut(&Arc<Process>)) {
        lock(&self.known).values().filter(|process| process.ended().is_none()).for_each(&mut each);
    }

    /// The living process with this id as it was last seen.
    pub(super) fn seen(&self, pid: u32) -> Option<Arc<Process>> {
        lock(&self.known).get(&pid).filter(|process| process.ended().is_none()).cloned()
    }

    /// Looks at those that nobody else looks at, and forgets those that are not needed any more. Call it every few
    /// seconds.
    pub fn sweep(&self, now: u64) {
        let followed = self.followed.load(Ordering::Relaxed);
        if !followed {
            let living: Vec<_> =
                lock(&self.known).values().filter(|p| p.ended().is_none()).cloned().collect();
            for process in &living {
                let glance = self.procfs.glance(process.pid);
                if glance.map(|glance| glance.start_ticks) != Some(process.start_ticks) {
                    process.end(now);
                }
            }
        }
        let mut known = lock(&self.known);
        let many = known.len() > MANY;
        known.retain(|_, process| {
            let named = Arc::strong_count(process) > 1;
            match process.ended() {
                Some(at) => at + AFTER_END >= now && (named || !many),
                None => named || followed,
            }
        });
        drop(known);
        self.containers.sweep(now);
        self.renew();
    }

    fn keep(&self, pid: u32, current: Option<Process>, now: u64) -> Option<Arc<Process>> {
        let mut known = lock(&self.known);
        let before = known.get(&pid);
        let Some(current) = current else {
            let before = before?;
            if before.ended().is_none() {
                before.end(now);
                self.notice(pid);
            }
            before.check(now);
            return Some(Arc::clone(before));
        };
        if let Some(before) = before {
            if before.ended().is_none() && before.reads_as(&current) {
                before.check(now);
                return Some(Arc::clone(before));
            }
            if !before.is_same(&current) {
                before.end(now);
            }
        }
        current.check(now);
        let current = Arc::new(current);
        if known.len() < CAPACITY || known.contains_key(&pid) {
            known.insert(pid, Arc::clone(&current));
        }
        self.notice(pid);
        Some(current)
    }

    fn read(&self, pid: u32, now: u64) -> Option<Process> {
        let glance = self.procfs.glance(pid)?;
        let start_time = self.procfs.start_time(glance.start_ticks);
        let id = (pid, glance.start_ticks);
        let mut process = Process::new(id, glance.comm, self.procfs.cmdline(pid), start_time);
        process.container = self.container(pid, now);
        // What was read of another that got the id meanwhile is not mixed in.
        (self.procfs.glance(pid)?.start_ticks == process.start_ticks).then_some(process)
    }

    fn container(&self, pid: u32, now: u64) -> Option<Arc<Container>> {
        container_of(&self.procfs.cgroup(pid)).map(|group| self.containers.by_group(&group, now))
    }
}

#[cfg(test)]
mod tests;
