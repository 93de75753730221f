//! One process from its start to its end: its pipes, its exit, and the removal of what it leaves behind.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gopher_protocol::control::ConfigMessage;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::channel::{self, Delivery};
use super::journal::Journal;
use super::output;
use super::sink::{Capability, LineSink, Progress};
use crate::contain::{Child, Exit, Group};
use crate::sync::lock;

/// Reading what a dead process left in its pipes may take so long.
const DRAIN: Duration = Duration::from_secs(2);
/// Most capabilities that are kept of one process.
const CAPABILITIES: usize = 256;
/// Each event happens at most once, so that none ever waits.
const EVENTS: usize = 4;

/// What a process does, each at most once and in this order.
#[derive(Debug)]
pub(super) enum Sign {
    /// It works.
    Started,
    /// It closed its stdout and lives on.
    OutputClosed,
    /// It and all its descendants are gone, and all its output is read.
    Ended(Exit, OutOfMemory),
}

/// Whether the kernel killed some of it for want of memory.
pub(super) type OutOfMemory = bool;

/// What the processes of one folder share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) folder: Arc<str>,
    pub(super) journal: Arc<Journal>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) capabilities: Arc<Mutex<Vec<Capability>>>,
    /// See [`super::Policy::linger`].
    pub(super) linger: Duration,
}

/// A living process. Dropped, it is given up: nobody reads its output any more.
pub(super) struct Life {
    pub(super) group: Arc<Group>,
    signs: mpsc::Receiver<Sign>,
    config: watch::Sender<Option<Arc<ConfigMessage>>>,
    stdin: AbortHandle,
    _tasks: JoinSet<()>,
}

impl Life {
    /// Takes a new process in hand.
    pub(super) fn new(child: Child, sink: Box<dyn LineSink>, around: &Surroundings) -> Self {
        let Child { stdin, stdout, stderr, exit, group, .. } = child;
        let group = Arc::new(group);
        let mut tasks = JoinSet::new();
        let (config, latest) = watch::channel(None);
        let stdin = tasks.spawn(channel::write_lines(stdin, latest, Arc::clone(&around.delivery)));
        let (sender, signs) = mpsc::channel(EVENTS);
        let output = read_output(stdout, stderr, sink, around, sender.clone());
        tasks.spawn(tend(Arc::clone(&group), exit, output, sender, around.clone()));
        Self { group, signs, config, stdin, _tasks: tasks }
    }

    /// The next sign of the process.
    pub(super) async fn sign(&mut self) -> Sign {
        // The task that holds the sender ends with this very sign, unless it panicked.
        self.signs.recv().await.unwrap_or(Sign::Ended(Exit::Lost, false))
    }

    /// Sends the configuration, in place of any that waits.
    pub(super) fn send(&self, message: Arc<ConfigMessage>) {
        self.config.send_replace(Some(message));
    }

    /// Closes stdin, which means stop.
    pub(super) fn close_stdin(&self) {
        self.stdin.abort();
    }
}

/// The readers of a process's pipes.
struct Output {
    readers: JoinSet<()>,
    closed: oneshot::Receiver<()>,
}

fn read_output(
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    sink: Box<dyn LineSink>,
    around: &Surroundings,
    signs: mpsc::Sender<Sign>,
) -> Output {
    let (closing, closed) = oneshot::channel();
    let mut readers = JoinSet::new();
    let delivery = Arc::clone(&around.delivery);
    let capabilities = Arc::clone(&around.capabilities);
    lock(&capabilities).clear();
    let mut started = false;
    let on_progress = move |progress: Progress| {
        if !progress.capabilities.is_empty() {
            let mut known = lock(&capabilities);
            known.extend(progress.capabilities);
            known.truncate(CAPABILITIES);
        }
        if let Some(generation) = progress.applied {
            delivery.applied(generation, Instant::now());
        }
        if !started && (progress.ready || progress.accepted > 0) {
            // Refused only when the process was given up.
            started = signs.try_send(Sign::Started).is_ok();
        }
    };
    let (folder, journal) = (Arc::clone(&around.folder), Arc::clone(&around.journal));
    readers.spawn(async move {
        let result = output::read_rows(stdout, sink, journal, on_progress).await;
        report(&folder, "stdout", result);
        drop(closing);
    });
    let (folder, journal) = (Arc::clone(&around.folder), Arc::clone(&around.journal));
    readers.spawn(async move { report(&folder, "stderr", output::read_text(stderr, journal).await) });
    Output { readers, closed }
}

fn report(folder: &str, pipe: &str, result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(probe = folder, pipe, %error, "Cannot read from the probe.");
    }
}

async fn tend(
    group: Arc<Group>,
    mut exit: oneshot::Receiver<Exit>,
    output: Output,
    signs: mpsc::Sender<Sign>,
    around: Surroundings,
) {
    let Output { mut readers, closed } = output;
    let exit = tokio::select! {
        exit = &mut exit => exit,
        _ = closed => match tokio::time::timeout(around.linger, &mut exit).await {
            Ok(exit) => exit,
            Err(_) if signs.send(Sign::OutputClosed).await.is_err() => return,
            Err(_) => exit.await,
        },
    };
    // The count goes with the cgroup.
    let out_of_memory = group.oom_kills().is_some_and(|kills| kills > 0);
    // Whatever the process started ends with it.
    group.kill();
    group.clear().await;
    let drained = tokio::time::timeout(DRAIN, async { while readers.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(probe = %around.folder, "Some process outside the probe's group keeps its output open; what it writes is not read.");
    }
    around.journal.end();
    let ended = Sign::Ended(exit.unwrap_or(Exit::Lost), out_of_memory);
    if signs.send(ended).await.is_err() {
        tracing::debug!(probe = %around.folder, "A process that was given up has ended.");
    }
}
