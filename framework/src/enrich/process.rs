//! One process as rows are labelled with it. A reused pid is another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::container::Container;

/// Bytes of a command line that become a label.
const CMDLINE: usize = 256;

/// Identity and labels of a process, fixed when they were read; a change of name, command or container makes a new one.
#[derive(Debug)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Start in clock ticks since boot: field 22 of `/proc/PID/stat` (proc(5)).
    pub start_ticks: u64,
    pub(super) comm: String,
    pub(super) cmdline: String,
    pub(super) start_time: String,
    pub(super) container: Option<Arc<Container>>,
    checked: AtomicU64,
    ended: AtomicU64,
}

impl Process {
    pub(super) fn new(id: (u32, u64), comm: String, cmdline: String, start_time: u64) -> Self {
        Self {
            pid: id.0,
            start_ticks: id.1,
            comm,
            cmdline,
            start_time: start_time.to_string(),
            container: None,
            checked: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    /// The same process in this container.
    pub(super) fn within(&self, container: Option<Arc<Container>>) -> Self {
        let id = (self.pid, self.start_ticks);
        let (comm, cmdline) = (self.comm.clone(), self.cmdline.clone());
        let (checked, ended) = (self.checked().into(), self.ended.load(Ordering::Relaxed).into());
        let start_time = self.start_time.clone();
        Self { start_time, container, checked, ended, ..Self::new(id, comm, cmdline, 0) }
    }

    /// True when both are the same process, whatever its name is now.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.pid, self.start_ticks) == (other.pid, other.start_ticks)
    }

    /// Its container, as far as it is known.
    #[must_use]
    pub fn container(&self) -> Option<&Arc<Container>> {
        self.container.as_ref()
    }

    /// Its name, and its command line with blanks between the words.
    #[must_use]
    pub fn names(&self) -> (&str, &str) {
        (&self.comm, &self.cmdline)
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
        let same_container = match (&self.container, &other.container) {
            (Some(own), Some(others)) => Arc::ptr_eq(own, others),
            (None, None) => true,
            _ => false,
        };
        self.is_same(other) && same_container && self.comm == other.comm && self.cmdline == other.cmdline
    }

    /// Calls `each` with the labels: `comm` unless the table has its own, `cmdline` and `start_time` (Unix seconds)
    /// where the table wants details.
    pub fn each_label(&self, own_comm: bool, details: bool, each: &mut impl FnMut(&str, &str)) {
        if !own_comm && !self.comm.is_empty() {
            each("comm", &self.comm);
        }
        if details {
            if !self.cmdline.is_empty() {
                each("cmdline", &self.cmdline[..self.cmdline.floor_char_boundary(CMDLINE)]);
            }
            each("start_time", &self.start_time);
        }
    }
}
