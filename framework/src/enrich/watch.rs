//! Follows all processes of the host on a thread of its own: by the kernel's connector, else by looks at procfs.

mod connector;

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::connector::{Connector, Happened};
use super::processes::Processes;
use crate::clock::mono_ms;
use crate::sync::lock;

/// Between two reads of the connector.
const DRAIN: Duration = Duration::from_millis(100);
/// Between two looks at procfs where there is no connector.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks at procfs beside the connector, for what it does not tell: a move to another control group.
const CHECK: Duration = Duration::from_secs(30);
/// The longest that whoever begins to follow waits for the first look.
const FIRST: Duration = Duration::from_secs(2);
/// Changed processes that are kept apart; more are taken as "all".
const MOST: usize = 10_000;

/// Where news of processes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// No scope follows processes.
    #[default]
    None,
    /// The kernel's process connector.
    Connector,
    /// procfs, twice a second.
    Procfs,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Connector, Self::Procfs];

    /// Its name in metrics and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Connector => "connector",
            Self::Procfs => "procfs",
        }
    }
}

/// Processes that may be selected otherwise than before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// All.
    pub all: bool,
    /// These.
    pub pids: HashSet<u32>,
}

/// What the watching thread is to do, and has done.
#[derive(Debug, Default)]
struct Orders {
    follow: bool,
    stop: bool,
    looked: bool,
}

#[derive(Debug)]
struct Shared {
    processes: Arc<Processes>,
    orders: Mutex<Orders>,
    wake: Condvar,
    changed: Mutex<Changed>,
    news: Notify,
    source: AtomicU8,
    overruns: AtomicU64,
}

/// The watch; its thread ends with it.
#[derive(Debug)]
pub struct ProcessWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl ProcessWatch {
    /// Starts the thread, which waits until it is told to follow.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(processes: Arc<Processes>) -> io::Result<Self> {
        Self::start_with(processes, Connector::open)
    }

    fn start_with(processes: Arc<Processes>, open: fn() -> io::Result<Connector>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            processes,
            orders: Mutex::default(),
            wake: Condvar::new(),
            changed: Mutex::default(),
            news: Notify::new(),
            source: AtomicU8::new(0),
            overruns: AtomicU64::new(0),
        });
        let watching = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("process-watch".into()).spawn(move || watching.run(open))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Begins or ends to follow; returns after the first look.
    pub fn follow(&self, follow: bool) {
        let shared = &self.shared;
        let mut orders = lock(&shared.orders);
        orders.follow = follow;
        shared.wake.notify_all();
        if follow && !orders.looked {
            let waited = shared.wake.wait_timeout_while(orders, FIRST, |orders| !orders.looked);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits until some process may be selected otherwise than before.
    pub async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// What has changed since the last call.
    #[must_use]
    pub fn take_changed(&self) -> Changed {
        std::mem::take(&mut *lock(&self.shared.changed))
    }

    /// Where the news come from now.
    #[must_use]
    pub fn source(&self) -> Source {
        let index = usize::from(self.shared.source.load(Ordering::Relaxed));
        Source::ALL.get(index).copied().unwrap_or_default()
    }

    /// How often the kernel lost events because they were not read in time; each made all processes be looked at.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.shared.overruns.load(Ordering::Relaxed)
    }
}

impl Drop for ProcessWatch {
    fn drop(&mut self) {
        lock(&self.shared.orders).stop = true;
        self.shared.wake.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("The watch of processes failed.");
        }
    }
}

impl Shared {
    fn run(&self, open: fn() -> io::Result<Connector>) {
        while self.waits_to_follow() {
            let connector = open();
            if let Err(error) = &connector {
                tracing::info!(%error, "No news of processes from the kernel; /proc is read twice a second.");
            }
            let connector = connector.ok();
            self.show(if connector.is_some() { Source::Connector } else { Source::Procfs });
            self.processes.follow(true);
            self.scan();
            lock(&self.orders).looked = true;
            self.wake.notify_all();
            if let Err(error) = self.watch(connector.as_ref()) {
                tracing::warn!(%error, "The news of processes broke off; the kernel is asked again.");
            }
            lock(&self.orders).looked = false;
            self.processes.follow(false);
            self.show(Source::None);
        }
    }

    /// Until there is something to follow; false when the watch ends.
    fn waits_to_follow(&self) -> bool {
        let orders = lock(&self.orders);
        let waited = self.wake.wait_while(orders, |orders| !orders.follow && !orders.stop);
        !waited.unwrap_or_else(PoisonError::into_inner).stop
    }

    /// Follows until told otherwise, or until the connector fails.
    fn watch(&self, connector: Option<&Connector>) -> io::Result<()> {
        let mut headless = HashSet::new();
        let mut scanned = Instant::now();
        let mut generation = 0;
        while self.goes_on(if connector.is_some() { DRAIN } else { LOOK }) {
            let mut scan = scanned.elapsed() >= CHECK;
            match connector {
                Some(connector) => scan |= self.drain(connector, &mut headless)?,
                None => scan = true,
            }
            if scan {
                self.scan();
                scanned = Instant::now();
            }
            let known = self.processes.containers().generation();
            if known != generation {
                generation = known;
                self.processes.renew();
                self.tell(true, &[]);
            }
        }
        Ok(())
    }

    /// Takes the connector's news; true when some were lost.
    fn drain(&self, connector: &Connector, headless: &mut HashSet<u32>) -> io::Result<bool> {
        let drained = connector.drain()?;
        let now = mono_ms();
        let mut changed = Vec::new();
        let again: Vec<_> = headless.drain().collect();
        for (pid, happened) in
            drained.events.into_iter().chain(again.into_iter().map(|pid| (pid, Happened::Ended)))
        {
            // Most of those that ended were never seen alive: nothing is to be read of them.
            if happened == Happened::Ended && self.processes.seen(pid).is_none() {
                continue;
            }
            let (process, differs) = self.processes.look(pid, now);
            if differs {
                changed.push(pid);
            }
            // Its first thread has ended and others live: nobody tells when the last one ends.
            if happened == Happened::Ended && process.is_some_and(|process| process.ended().is_none()) {
                headless.insert(pid);
            }
        }
        if !changed.is_empty() {
            self.tell(false, &changed);
        }
        if drained.lost {
            self.overruns.fetch_add(1, Ordering::Relaxed);
        }
        Ok(drained.lost)
    }

    fn scan(&self) {
        let changed: Vec<_> = self.processes.scan(mono_ms()).into_iter().collect();
        if !changed.is_empty() {
            self.tell(false, &changed);
        }
    }

    fn tell(&self, all: bool, pids: &[u32]) {
        let mut changed = lock(&self.changed);
        changed.pids.extend(pids);
        changed.all |= all || changed.pids.len() > MOST;
        if changed.all {
            changed.pids.clear();
        }
        drop(changed);
        self.news.notify_one();
    }

    /// Waits; false when there is nothing to follow any more.
    fn goes_on(&self, wait: Duration) -> bool {
        let orders = lock(&self.orders);
        let waited = self.wake.wait_timeout_while(orders, wait, |orders| orders.follow && !orders.stop);
        let (orders, _) = waited.unwrap_or_else(PoisonError::into_inner);
        orders.follow && !orders.stop
    }

    fn show(&self, source: Source) {
        let index = Source::ALL.iter().position(|other| *other == source).unwrap_or(0);
        self.source.store(u8::try_from(index).unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
