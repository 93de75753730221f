//! What a folder's process looks like from outside.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::channel::{Delivered, Delivery};
use super::journal::Journal;
use super::sink::Capability;
use super::state::Phase;
use crate::contain::{Enforced, Group, Usage};
use crate::sync::lock;

/// The name of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateName {
    /// Not wanted.
    #[default]
    Stopped,
    /// There is a process, which has not yet shown that it works.
    Starting,
    /// It works.
    Running,
    /// It died and is started again soon.
    Backoff,
    /// It was told to end.
    Stopping,
    /// It died too often and is tried again now and then.
    Failing,
    /// It ended of its own will.
    Done,
    /// It cannot work here.
    Unsupported,
}

impl StateName {
    /// All names.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Failing,
        Self::Done,
        Self::Unsupported,
    ];

    /// The word for it in status and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Backoff => "backoff",
            Self::Stopping => "stopping",
            Self::Failing => "failing",
            Self::Done => "done",
            Self::Unsupported => "unsupported",
        }
    }
}

impl From<Phase> for StateName {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Stopped => Self::Stopped,
            Phase::Starting => Self::Starting,
            Phase::Running { .. } => Self::Running,
            Phase::Stopping { .. } => Self::Stopping,
            Phase::Backoff { .. } => Self::Backoff,
            Phase::Failing { .. } => Self::Failing,
            Phase::Done => Self::Done,
            Phase::Unsupported => Self::Unsupported,
        }
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastExit {
    /// In words.
    pub reason: String,
    /// When.
    pub at: SystemTime,
    /// Whether it was told to end, and did so within its time.
    pub asked: bool,
}

/// Everything about one folder's process.
#[derive(Clone, Debug)]
pub struct Status {
    /// The folder.
    pub folder: String,
    /// Where it is in its life.
    pub state: StateName,
    /// Its process.
    pub pid: Option<u32>,
    /// When that was started.
    pub started: Option<SystemTime>,
    /// Starts after the first.
    pub restarts: u64,
    /// How the last process ended.
    pub last_exit: Option<LastExit>,
    /// The last lines of stderr, oldest first.
    pub stderr: Vec<String>,
    /// Lines of text that did not reach the agent's log because there were too many.
    pub suppressed_lines: u64,
    /// Time until the next try.
    pub next_retry: Option<Duration>,
    /// The mechanism of each limit, `not enforced` included.
    pub enforced: Option<Enforced>,
    /// The generation of the configuration that the process is to have.
    pub generation: Option<u64>,
    /// What became of it.
    pub delivered: Delivered,
    /// CPU time and memory of the process and its descendants.
    pub usage: Option<Usage>,
    /// What the process, or the last one, said of its capabilities.
    pub capabilities: Vec<Capability>,
}

/// Where a folder is in its life.
#[derive(Clone, Debug)]
pub struct Brief {
    /// The folder.
    pub folder: Arc<str>,
    /// Where it is in its life.
    pub state: StateName,
    /// Starts after the first.
    pub restarts: u64,
}

/// What the worker writes and a status is made of.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) folder: Arc<str>,
    pub(super) journal: Arc<Journal>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) capabilities: Arc<Mutex<Vec<Capability>>>,
    pub(super) facts: Mutex<Facts>,
}

/// See [`Status`].
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) state: StateName,
    pub(super) until: Option<Instant>,
    pub(super) process: Option<Process>,
    pub(super) starts: u64,
    pub(super) last_exit: Option<LastExit>,
    pub(super) generation: Option<u64>,
}

/// A living process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) started: SystemTime,
    pub(super) enforced: Enforced,
    pub(super) group: Arc<Group>,
}

impl Board {
    pub(super) fn new(folder: Arc<str>) -> Self {
        let journal = Arc::new(Journal::new(Arc::clone(&folder)));
        Self {
            folder,
            journal,
            delivery: Arc::default(),
            capabilities: Arc::default(),
            facts: Mutex::default(),
        }
    }

    pub(super) fn status(&self) -> Status {
        let facts = lock(&self.facts);
        let waits = matches!(facts.state, StateName::Backoff | StateName::Failing);
        let until = facts.until.filter(|_| waits);
        let process = facts.process.clone();
        let status = Status {
            folder: self.folder.to_string(),
            state: facts.state,
            pid: process.as_ref().map(|process| process.pid),
            started: process.as_ref().map(|process| process.started),
            restarts: facts.starts.saturating_sub(1),
            last_exit: facts.last_exit.clone(),
            stderr: Vec::new(),
            suppressed_lines: self.journal.suppressed(),
            next_retry: until.map(|until| until.saturating_duration_since(Instant::now())),
            enforced: process.as_ref().map(|process| process.enforced.clone()),
            generation: facts.generation,
            delivered: self.delivery.facts(),
            usage: None,
            capabilities: lock(&self.capabilities).clone(),
        };
        drop(facts);
        Status { usage: self.usage(), stderr: self.journal.tail(), ..status }
    }

    pub(super) fn brief(&self) -> Brief {
        let facts = lock(&self.facts);
        let (state, restarts) = (facts.state, facts.starts.saturating_sub(1));
        Brief { folder: Arc::clone(&self.folder), state, restarts }
    }

    /// Reads files of the kernel; not for every change of a state.
    pub(super) fn usage(&self) -> Option<Usage> {
        // The lock is not held over the reads.
        let process = lock(&self.facts).process.clone();
        process.and_then(|process| process.group.usage())
    }
}
