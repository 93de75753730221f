//! News of processes that a probe hands in: by eBPF they come from all namespaces, and without loss of rights.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gopher_protocol::notice;

use super::connector::{Drained, Happened};
use crate::sync::lock;

/// Processes of which news may wait; with more all of them are looked at.
const MOST: usize = 100_000;

/// Where the probe's news wait for the watch.
#[derive(Debug, Default)]
pub struct Feed {
    live: AtomicBool,
    waiting: Mutex<Drained>,
}

impl Feed {
    /// Whether the probe works. While it does not, the watch has its news from elsewhere.
    pub fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }

    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    /// Takes news of one process.
    pub fn take(&self, news: notice::News) {
        let happened = match news.happened {
            notice::Happened::Started | notice::Happened::Changed => Happened::Changed,
            notice::Happened::Ended => Happened::Ended,
        };
        let mut waiting = lock(&self.waiting);
        if waiting.events.len() < MOST || waiting.events.contains_key(&news.pid) {
            waiting.events.insert(news.pid, happened);
        } else {
            waiting.lost = true;
        }
    }

    /// The probe has lost some.
    pub fn lose(&self) {
        lock(&self.waiting).lost = true;
    }

    /// What has come since the last call.
    pub(super) fn drain(&self) -> Drained {
        std::mem::take(&mut *lock(&self.waiting))
    }
}
