//! The agent's side of the keeper: starts it, tells it, replaces it when it dies.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::{BEGUN, BYE, CGROUP, END, GONE, INSTANCE};
use crate::contain::child::mark_range;
use crate::contain::reaper::{Ended, registry, send_kill, wait_for};

/// A keeper that dies sooner than this is not replaced at once.
const SETTLED: Duration = Duration::from_secs(1);

/// The keeper, and all that it must know.
pub(in crate::contain) struct Keeper {
    entry: Vec<u8>,
    cgroups: Vec<PathBuf>,
    groups: BTreeSet<i32>,
    running: Option<Running>,
    started: Option<Instant>,
}

struct Running {
    pid: i32,
    ended: Ended,
    pipe: File,
}

impl Keeper {
    /// Starts a keeper.
    pub(in crate::contain) fn start(entry: Vec<u8>, cgroups: Vec<PathBuf>) -> Self {
        let groups = BTreeSet::new();
        let mut keeper = Self { entry, cgroups, groups, running: None, started: None };
        keeper.tend();
        keeper
    }

    /// Says that a probe has been started.
    pub(in crate::contain) fn add(&mut self, group: i32) {
        self.groups.insert(group);
        self.tell(BEGUN, group.to_string().as_bytes());
    }

    /// Says that a probe and all its descendants are gone.
    pub(in crate::contain) fn remove(&mut self, group: i32) {
        self.groups.remove(&group);
        self.tell(GONE, group.to_string().as_bytes());
    }

    /// Replaces a dead keeper. Returns after what time to try again when it is too early for that.
    pub(in crate::contain) fn tend(&mut self) -> Option<Duration> {
        if self.running.as_ref().is_some_and(|running| !running.ended.get()) {
            return None;
        }
        let age = self.started.map(|started| started.elapsed());
        if let Some(age) = age.filter(|age| *age < SETTLED) {
            return Some(SETTLED.saturating_sub(age));
        }
        if age.is_some() {
            tracing::warn!("The keeper of the probes died; starting another.");
        }
        self.started = Some(Instant::now());
        match self.start_one() {
            Ok(running) => {
                self.running = Some(running);
                None
            }
            Err(error) => {
                self.running = None;
                tracing::error!(%error, "Cannot start the keeper: should the agent be killed, probes may survive it.");
                Some(SETTLED)
            }
        }
    }

    fn start_one(&self) -> io::Result<Running> {
        let (theirs, ours) = io::pipe()?;
        // A keeper that hangs must not hang the agent.
        fcntl(ours.as_fd(), FcntlArg::F_SETFL(OFlag::O_WRONLY | OFlag::O_NONBLOCK))?;
        let mut command = command();
        command.current_dir("/").stdin(theirs).stdout(Stdio::null());
        // SAFETY: `detach` makes only system calls.
        unsafe { command.pre_exec(detach) };
        let mut registry = registry();
        let pid = command.spawn()?.id();
        let pid = i32::try_from(pid).map_err(io::Error::other)?;
        let (ended, _) = registry.add(pid);
        drop(registry);
        let mut running = Running { pid, ended, pipe: File::from(OwnedFd::from(ours)) };
        running.pipe.write_all(&self.all())?;
        Ok(running)
    }

    /// All records that a new keeper needs.
    fn all(&self) -> Vec<u8> {
        let mut all = record(INSTANCE, &self.entry);
        for folder in &self.cgroups {
            all.extend(record(CGROUP, folder.as_os_str().as_bytes()));
        }
        for group in &self.groups {
            all.extend(record(BEGUN, group.to_string().as_bytes()));
        }
        all
    }

    fn tell(&mut self, kind: u8, rest: &[u8]) {
        let Some(running) = &mut self.running else { return };
        if let Err(error) = running.pipe.write_all(&record(kind, rest)) {
            tracing::warn!(%error, "The keeper of the probes does not listen; replacing it.");
            let pid = running.pid;
            running.ended.unless(|| send_kill(pid));
        }
    }

    /// True when every probe is gone with all its descendants.
    pub(in crate::contain) fn has_no_groups(&self) -> bool {
        self.groups.is_empty()
    }

    /// Lets the keeper end and waits for it; probes that are left are its last work.
    pub(in crate::contain) fn close(mut self) {
        if self.has_no_groups() {
            self.tell(BYE, b"");
        }
        if let Some(Running { pid, ended, pipe }) = self.running {
            drop(pipe);
            if !ended.get() {
                wait_for(pid);
            }
        }
    }
}

fn record(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind], rest, &[END]].concat()
}

/// What runs [`super::keeper_main`]: the agent's own binary, as it was when it was started.
#[cfg(not(test))]
fn command() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("gala-gopher").arg("keeper").env_clear();
    command
}

/// In tests the agent's binary is the tests', in which one test plays the keeper when it is told to.
#[cfg(test)]
fn command() -> Command {
    use crate::contain::tests::roles;
    roles::command(roles::KEEPER)
}

/// What stops the agent does not stop the keeper, and it holds none of the agent's files.
fn detach() -> io::Result<()> {
    mark_range(3);
    // SAFETY: plain system calls; the signals are given by number.
    unsafe {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_IGN);
        }
        if libc::setsid() < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
