//! One process as rows are labelled with it. A reused pid is another process.

use std::sync::atomic::{AtomicU64, Ordering};

/// Identity and labels of a process, fixed when they were read; a change of name or command makes a new one.
#[derive(Debug)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Start in clock ticks since boot: field 22 of `/proc/PID/stat` (proc(5)).
    pub start_ticks: u64,
    comm: String,
    cmdline: String,
    start_time: String,
    checked: AtomicU64,
    ended: AtomicU64,
}

impl Process {
    pub(super) fn new(pid: u32, start_ticks: u64, comm: String, cmdline: String, start_time: String) -> Self {
        let (checked, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { pid, start_ticks, comm, cmdline, start_time, checked, ended }
    }

    /// True when both are the same process, whatever its name is now.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.pid, self.start_ticks) == (other.pid, other.start_ticks)
    }

    /// When its end was noticed, in milliseconds of the monotonic clock.
    #[must_use]
    pub fn ended(&self) -> Option<u64> {
        Some(self.ended.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    pub(super) fn end(&self, now: u64) {
        if self.ended().is_none() {
            self.ended.store(now.max(1), Ordering::Relaxed);
        }
    }

    /// Milliseconds of the monotonic clock at the last look.
    pub(super) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self, now: u64) {
        self.checked.store(now, Ordering::Relaxed);
    }

    /// True when nothing that makes a label has changed.
    pub(super) fn reads_as(&self, other: &Self) -> bool {
        self.is_same(other) && self.comm == other.comm && self.cmdline == other.cmdline
    }

    /// Calls `each` with the labels: `comm` unless the table has its own, `cmdline` and `start_time` (Unix seconds)
    /// where the table wants details.
    pub fn each_label(&self, own_comm: bool, details: bool, each: &mut impl FnMut(&str, &str)) {
        if !own_comm && !self.comm.is_empty() {
            each("comm", &self.comm);
        }
        if details {
            if !self.cmdline.is_empty() {
                each("cmdline", &self.cmdline);
            }
            each("start_time", &self.start_time);
        }
    }
}
