//! statvfs that never hangs the probe: a call that does not answer in time is left to its thread, and its mount is
//! not asked again before that thread has returned.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;

/// So long a mount may take; local ones answer within microseconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// All mounts together may keep a round waiting so long.
const ROUND: Duration = Duration::from_secs(2);

/// At most so many threads wait for dead mounts; with all of them waiting, no mount that is not known can be asked.
const MAX_STUCK: usize = 8;

/// A worker needs little more than the call.
const STACK: usize = 64 * 1024;

/// Sizes of a file system in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Bytes of a block.
    pub(super) block_size: u64,
    pub(super) blocks: u64,
    pub(super) free: u64,
    /// Free for users without privileges.
    pub(super) available: u64,
    pub(super) inodes: u64,
    pub(super) inodes_free: u64,
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Outcome {
    Space(Space),
    Failed(io::Error),
    /// No answer yet.
    Stuck,
}

type Call = fn(&Path) -> io::Result<Space>;

/// Asks mounts in a worker thread.
#[derive(Debug)]
pub(super) struct Prober {
    call: Call,
    idle: Option<Worker>,
    stuck: Vec<(Arc<Path>, Worker)>,
    deadline: Instant,
}

impl Default for Prober {
    fn default() -> Self {
        Self { call: space, idle: None, stuck: Vec::new(), deadline: Instant::now() }
    }
}

#[derive(Debug)]
struct Worker {
    paths: SyncSender<Arc<Path>>,
    answers: Receiver<io::Result<Space>>,
}

impl Prober {
    /// Starts a round: mounts that have answered meanwhile can be asked again.
    pub(super) fn begin_round(&mut self) {
        self.deadline = Instant::now() + ROUND;
        let mut index = 0;
        while let Some((_, worker)) = self.stuck.get(index) {
            match worker.answers.try_recv() {
                Err(TryRecvError::Empty) => index += 1,
                Ok(_) | Err(TryRecvError::Disconnected) => {
                    // The late answer is out of date; the mount is asked anew in this round.
                    let (_, worker) = self.stuck.swap_remove(index);
                    self.idle.get_or_insert(worker);
                }
            }
        }
    }

    /// Asks one mount.
    pub(super) fn probe(&mut self, path: &Arc<Path>) -> Outcome {
        if self.stuck.len() >= MAX_STUCK || self.stuck.iter().any(|(stuck, _)| stuck == path) {
            return Outcome::Stuck;
        }
        let worker = match self.idle.take().map_or_else(|| Worker::start(self.call), Ok) {
            Ok(worker) => worker,
            Err(error) => return Outcome::Failed(error),
        };
        if worker.paths.send(Arc::clone(path)).is_err() {
            return Outcome::Failed(io::Error::other("the thread that asks file systems has ended"));
        }
        let patience = PATIENCE.min(self.deadline.saturating_duration_since(Instant::now()));
        match worker.answers.recv_timeout(patience) {
            Ok(answer) => {
                self.idle = Some(worker);
                answer.map_or_else(Outcome::Failed, Outcome::Space)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stuck.push((Arc::clone(path), worker));
                Outcome::Stuck
            }
            Err(RecvTimeoutError::Disconnected) => {
                Outcome::Failed(io::Error::other("the thread that asks file systems has ended"))
            }
        }
    }
}

impl Worker {
    fn start(call: Call) -> io::Result<Self> {
        let (paths, inbox) = sync_channel::<Arc<Path>>(1);
        let (outbox, answers) = sync_channel(1);
        // Ends when the worker is dropped; one that hangs then ends with the process.
        thread::Builder::new().name("statvfs".to_owned()).stack_size(STACK).spawn(move || {
            while let Ok(path) = inbox.recv() {
                if outbox.send(call(&path)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { paths, answers })
    }
}

fn space(path: &Path) -> io::Result<Space> {
    let found = statvfs(path)?;
    Ok(Space {
        block_size: found.fragment_size(),
        blocks: found.blocks(),
        free: found.blocks_free(),
        available: found.blocks_available(),
        inodes: found.files(),
        inodes_free: found.files_free(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocations::allocations;

    /// Paths below /stuck answer when the file that they name is there.
    fn fake(path: &Path) -> io::Result<Space> {
        if let Ok(file) = path.strip_prefix("/stuck") {
            while !Path::new("/").join(file).exists() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(Space { block_size: 1, blocks: 1, free: 1, available: 1, inodes: 1, inodes_free: 1 })
    }

    fn prober() -> Prober {
        let mut prober = Prober { call: fake, ..Prober::default() };
        prober.begin_round();
        prober
    }

    fn path(text: &str) -> Arc<Path> {
        Path::new(text).into()
    }

    #[test]
    fn a_mount_that_hangs_does_not_hold_up_the_others() {
        let mut prober = prober();
        assert!(matches!(prober.probe(&path("/stuck/never")), Outcome::Stuck));
        assert!(matches!(prober.probe(&path("/")), Outcome::Space(_)));
        prober.begin_round();
        assert!(matches!(prober.probe(&path("/stuck/never")), Outcome::Stuck));
        assert_eq!(prober.stuck.len(), 1);
    }

    #[test]
    fn a_call_allocates_nothing() {
        let mut outcome = None;
        assert_eq!(allocations(|| outcome = Some(space(Path::new("/")))), 0);
        assert!(outcome.unwrap().is_ok());
    }

    #[test]
    fn threads_that_hang_are_bounded() {
        let mut prober = prober();
        for index in 0..MAX_STUCK + 5 {
            prober.begin_round();
            prober.probe(&path(&format!("/stuck/never{index}")));
        }
        assert_eq!(prober.stuck.len(), MAX_STUCK);
    }

    #[test]
    fn a_mount_that_comes_back_is_asked_again() {
        let file = std::env::temp_dir().join(format!("baseinfo-statfs-{}", std::process::id()));
        let path = Path::new("/stuck").join(file.strip_prefix("/").unwrap()).into();
        let mut prober = prober();
        assert!(matches!(prober.probe(&path), Outcome::Stuck));
        std::fs::write(&file, "").unwrap();
        while prober.stuck.len() == 1 {
            prober.begin_round();
        }
        assert!(matches!(prober.probe(&path), Outcome::Space(_)));
        std::fs::remove_file(&file).unwrap();
    }
}
