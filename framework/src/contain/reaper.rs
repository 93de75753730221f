//! Every child is waited for, orphaned descendants too, and its end told to whoever asked.
//!
//! The agent is a subreaper: descendants of a probe whose parent dies become children of the agent. A registry knows
//! the children that somebody waits for; it is locked from before a fork until the child is in it, and while ends are
//! collected, so that no end is missed or collected by somebody else (a failed exec is waited for by `std` itself).
//!
//! A child in the agent's own process group was not started by a [`super::Spawner`]: its end is left to whoever
//! started it. Probes lead their own sessions, so that none of their descendants can be in that group. As pid 1 the
//! agent collects those too.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard};

use gopher_procfs::Buffer;
use tokio::sync::oneshot;

use super::instance::stat_of;
use super::marker::processes;
use crate::sync::lock;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Somebody else collected it; how it ended is not known.
    Lost,
}

/// Whether a process has been collected; its lock is held while it is, so that no signal goes to a later process of
/// the same id.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended(Arc<Mutex<bool>>);

impl Ended {
    pub(super) fn get(&self) -> bool {
        *lock(&self.0)
    }

    /// Does something to the process while it surely is the one that was started.
    pub(super) fn unless(&self, act: impl FnOnce()) {
        let ended = lock(&self.0);
        if !*ended {
            act();
        }
    }
}

struct Waiter {
    ended: Ended,
    tell: oneshot::Sender<Exit>,
}

static CHILDREN: Mutex<Option<HashMap<i32, Waiter>>> = Mutex::new(None);

/// The registry, locked: while it lives no child is collected.
pub(super) struct Registry(MutexGuard<'static, Option<HashMap<i32, Waiter>>>);

/// Locks the registry; to be held around a fork.
pub(super) fn registry() -> Registry {
    Registry(lock(&CHILDREN))
}

impl Registry {
    /// Makes a new child known. The receiver gets its end.
    pub(super) fn add(&mut self, pid: i32) -> (Ended, oneshot::Receiver<Exit>) {
        let (tell, exit) = oneshot::channel();
        let ended = Ended::default();
        let waiter = Waiter { ended: ended.clone(), tell };
        self.0.get_or_insert_default().insert(pid, waiter);
        (ended, exit)
    }

    /// Collects all children that have ended.
    pub(super) fn reap(&mut self) {
        while let Some(pid) = peek() {
            if self.knows(pid) || !is_foreign(pid) {
                self.collect(pid);
            } else {
                // The kernel would show this one for ever.
                self.reap_around();
                return;
            }
        }
    }

    fn reap_around(&mut self) {
        let known: Vec<i32> = self.0.iter().flatten().map(|(pid, _)| *pid).collect();
        known.into_iter().for_each(|pid| self.collect(pid));
        let own = std::process::id();
        let orphans = processes().filter(|pid| zombie_of(*pid) == Some(own) && !is_foreign(*pid));
        orphans.for_each(|pid| self.collect(pid));
    }

    fn knows(&self, pid: i32) -> bool {
        self.0.as_ref().is_some_and(|children| children.contains_key(&pid))
    }

    /// Collects one child, if it has ended.
    fn collect(&mut self, pid: i32) {
        let waiter = self.0.as_mut().and_then(|children| children.remove(&pid));
        let Some(waiter) = waiter else {
            wait(pid);
            return;
        };
        let mut ended = lock(&waiter.ended.0);
        let exit = wait(pid);
        *ended = exit.is_some();
        drop(ended);
        match exit {
            Some(exit) => {
                if waiter.tell.send(exit).is_err() {
                    tracing::debug!(pid, ?exit, "Nobody waited for the end of a process.");
                }
            }
            None => {
                self.0.get_or_insert_default().insert(pid, waiter);
            }
        }
    }
}

/// A child that has ended and is not yet collected.
fn peek() -> Option<i32> {
    // SAFETY: all zeros is a valid siginfo_t, a plain C struct.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is a valid place for the answer.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, ptr::from_mut(&mut info), flags) };
    if result != 0 {
        return None;
    }
    // SAFETY: waitid has filled in the fields of SIGCHLD, or left the pid 0.
    let pid = unsafe { info.si_pid() };
    (pid > 0).then_some(pid)
}

/// Collects a child without waiting; none while it lives.
fn wait(pid: i32) -> Option<Exit> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the answer.
    match unsafe { libc::waitpid(pid, ptr::from_mut(&mut status), libc::WNOHANG) } {
        0 => None,
        -1 => Some(Exit::Lost),
        _ if libc::WIFSIGNALED(status) => Some(Exit::Signal(libc::WTERMSIG(status))),
        _ => Some(Exit::Code(libc::WEXITSTATUS(status))),
    }
}

fn is_foreign(pid: i32) -> bool {
    // SAFETY: plain system calls without pointers.
    unsafe { libc::getpid() != 1 && libc::getpgid(pid) == libc::getpgrp() }
}

/// The parent of a zombie.
fn zombie_of(pid: i32) -> Option<u32> {
    let mut buffer = Buffer::new();
    let stat = stat_of(&mut buffer, pid)?;
    (stat.state == b'Z').then_some(stat.ppid)
}

/// Sends KILL to a process. Whether it still was there does not matter; that it may not be killed does.
pub(super) fn send_kill(pid: i32) {
    send(pid, libc::SIGKILL);
}

/// Sends a signal to a process, or to a group when the id is negative. True when somebody got it.
pub(super) fn send(pid: i32, signal: i32) -> bool {
    if (-1..=1).contains(&pid) {
        return false;
    }
    // SAFETY: a plain system call without pointers.
    if unsafe { libc::kill(pid, signal) } == 0 {
        return true;
    }
    let error = std::io::Error::last_os_error();
    if error.raw_os_error() != Some(libc::ESRCH) {
        tracing::warn!(pid, signal, %error, "Cannot send a signal.");
    }
    false
}

/// Sleeps until a child has ended, and collects it.
pub(super) fn wait_for(pid: i32) {
    let Ok(id) = libc::id_t::try_from(pid) else { return };
    // SAFETY: all zeros is a valid siginfo_t, and a valid place for the answer.
    let result = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, id, ptr::from_mut(&mut info), libc::WEXITED | libc::WNOWAIT)
    };
    if result == 0 {
        registry().collect(pid);
    }
}
