//! The fork itself, with its pipes.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use tokio::sync::oneshot;

use super::child::Prepared;
use super::error::SpawnError;
use super::launch::Launch;
use super::reaper::{Ended, Exit, registry};

/// Bytes: a probe that writes much is read in large pieces, and survives a moment in which nobody reads.
const STDOUT_PIPE: i32 = 1 << 20;

/// A process that was forked and runs the executable.
pub(super) struct Forked {
    pub(super) pid: i32,
    /// The agent's ends of stdin, stdout and stderr.
    pub(super) pipes: [OwnedFd; 3],
    pub(super) ended: Ended,
    pub(super) exit: oneshot::Receiver<Exit>,
}

/// Forks, prepares the child and executes. An error of the child is this function's error.
pub(super) fn fork(
    launch: &Launch,
    program: &Path,
    environment: Vec<(OsString, OsString)>,
    prepared: Prepared,
) -> Result<Forked, SpawnError> {
    let pipe = || io::pipe().map_err(SpawnError::Pipe);
    let (their_stdin, stdin) = pipe()?;
    let (stdout, their_stdout) = pipe()?;
    let (stderr, their_stderr) = pipe()?;
    if let Err(errno) = fcntl(stdout.as_fd(), FcntlArg::F_SETPIPE_SZ(STDOUT_PIPE)) {
        tracing::debug!(probe = %launch.name, %errno, "Cannot enlarge the pipe of stdout.");
    }
    let mut command = Command::new(program);
    command.args(launch.exec.iter().skip(1)).env_clear().envs(environment);
    command.stdin(their_stdin).stdout(their_stdout).stderr(their_stderr);
    // SAFETY: `enter` makes only system calls; all it uses was prepared before.
    unsafe { command.pre_exec(move || prepared.enter()) };
    // `std` collects a child whose exec fails itself; nobody else may.
    let mut registry = registry();
    let failed = |error| SpawnError::from_child(error, launch.folder.join(program));
    let pid = command.spawn().map_err(failed)?.id();
    let pid = i32::try_from(pid).map_err(|error| SpawnError::Pipe(io::Error::other(error)))?;
    let (ended, exit) = registry.add(pid);
    Ok(Forked { pid, pipes: [stdin.into(), stdout.into(), stderr.into()], ended, exit })
}
