//! Follows all processes of the host on a thread of its own: by a probe's news, else by the kernel's connector, else by
//! looks at procfs.

mod connector;
mod feed;

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use self::connector::{Connector, Drained, Happened};
pub use self::feed::Feed;
use super::processes::Processes;
use crate::clock::mono_ms;
use crate::sync::lock;

/// Between two reads of news.
const DRAIN: Duration = Duration::from_millis(100);
/// Between two looks at procfs where there are no news.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks at everything about all processes, for what neither news nor a glance tell: another command line,
/// a move to another control group.
const CHECK: Duration = Duration::from_secs(10);
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
    /// A probe with eBPF programs.
    Ebpf,
    /// The kernel's process connector.
    Connector,
    /// procfs, twice a second.
    Procfs,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Ebpf, Self::Connector, Self::Procfs];

    /// Its name in metrics and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ebpf => "ebpf",
            Self::Connector => "connector",
            Self::Procfs => "procfs",
        }
    }
}

/// An open source.
enum Origin {
    Feed,
    Connector(Connector),
    Procfs,
}

impl Origin {
    fn source(&self) -> Source {
        match self {
            Self::Feed => Source::Ebpf,
            Self::Connector(_) => Source::Connector,
            Self::Procfs => Source::Procfs,
        }
    }

    /// Between two reads.
    fn pause(&self) -> Duration {
        if matches!(self, Self::Procfs) { LOOK } else { DRAIN }
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
    feed: Arc<Feed>,
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
    /// Starts the thread, which waits until it is told to follow. News come from `feed` while that is live.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(processes: Arc<Processes>, feed: Arc<Feed>) -> io::Result<Self> {
        Self::start_with(processes, feed, Connector::open)
    }

    fn start_with(
        processes: Arc<Processes>,
        feed: Arc<Feed>,
        open: fn() -> io::Result<Connector>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            processes,
            feed,
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
            self.processes.follow(true);
            while self.goes_on(Duration::ZERO) {
                let origin = self.origin(open);
                self.show(origin.source());
                // Also what happened between two origins.
                self.scan(true);
                lock(&self.orders).looked = true;
                self.wake.notify_all();
                if let Err(error) = self.watch(&origin) {
                    tracing::warn!(%error, "The news of processes broke off; the kernel is asked again.");
                }
            }
            lock(&self.orders).looked = false;
            self.processes.follow(false);
            self.show(Source::None);
        }
    }

    /// The best origin of news that there is now.
    fn origin(&self, open: fn() -> io::Result<Connector>) -> Origin {
        if self.feed.is_live() {
            self.feed.drain();
            return Origin::Feed;
        }
        match open() {
            Ok(connector) => Origin::Connector(connector),
            Err(error) => {
                tracing::info!(%error, "No news of processes from the kernel; /proc is read twice a second.");
                Origin::Procfs
            }
        }
    }

    /// Until there is something to follow; false when the watch ends.
    fn waits_to_follow(&self) -> bool {
        let orders = lock(&self.orders);
        let waited = self.wake.wait_while(orders, |orders| !orders.follow && !orders.stop);
        !waited.unwrap_or_else(PoisonError::into_inner).stop
    }

    /// Follows until told otherwise, until there is a better origin, or until this one fails.
    fn watch(&self, origin: &Origin) -> io::Result<()> {
        let mut headless = HashSet::new();
        let mut scanned = Instant::now();
        let mut generation = 0;
        while self.goes_on(origin.pause()) && self.feed.is_live() == matches!(origin, Origin::Feed) {
            let everything = scanned.elapsed() >= CHECK;
            let mut scan = everything;
            match origin {
                Origin::Feed => scan |= self.follow_up(self.feed.drain(), &mut headless),
                Origin::Connector(connector) => scan |= self.follow_up(connector.drain()?, &mut headless),
                Origin::Procfs => scan = true,
            }
            if scan {
                self.scan(everything);
            }
            if everything {
                scanned = Instant::now();
            }
            self.tell_noticed();
            let known = self.processes.containers().generation();
            if known != generation {
                generation = known;
                self.processes.renew();
                self.tell(true, &[]);
            }
        }
        Ok(())
    }

    /// Looks at the processes that there are news of; true when some were lost.
    fn follow_up(&self, drained: Drained, headless: &mut HashSet<u32>) -> bool {
        let now = mono_ms();
        let again: Vec<_> = headless.drain().collect();
        for (pid, happened) in
            drained.events.into_iter().chain(again.into_iter().map(|pid| (pid, Happened::Ended)))
        {
            // Most of those that ended were never seen alive: nothing is to be read of them.
            if happened == Happened::Ended && self.processes.seen(pid).is_none() {
                continue;
            }
            let process = self.processes.look(pid, now);
            // Its first thread has ended and others live: nobody tells when the last one ends.
            if happened == Happened::Ended && process.is_some_and(|process| process.ended().is_none()) {
                headless.insert(pid);
            }
        }
        if drained.lost {
            self.overruns.fetch_add(1, Ordering::Relaxed);
        }
        drained.lost
    }

    fn scan(&self, everything: bool) {
        self.processes.scan(mono_ms(), everything);
        self.tell_noticed();
    }

    /// Tells what the watch has seen to be otherwise than before, and what rows have.
    fn tell_noticed(&self) {
        let noticed: Vec<_> = self.processes.noticed().into_iter().collect();
        if !noticed.is_empty() {
            self.tell(false, &noticed);
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
