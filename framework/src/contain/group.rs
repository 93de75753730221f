//! A process with everything it has started: signals, kill, accounts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gopher_procfs::Buffer;
use nix::sys::signal::Signal;
use nix::unistd::{SysconfVar, sysconf};
use tokio::sync::mpsc;

use super::cgroup::Cgroups;
use super::instance::stat_of;
use super::marker;
use super::reaper::{Ended, send};
use super::thread::Order;

/// How long [`Group::clear`] goes on; what has not died of KILL by then waits for the kernel, for a disk or a mount.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What a process and its descendants have used, or use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since the start.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub memory: u64,
}

/// A process that was started, with all its descendants. Dropped before it is cleared, it kills them.
#[derive(Debug)]
pub struct Group {
    pub(super) pid: i32,
    pub(super) probe: String,
    /// The instance's environment entry.
    pub(super) entry: Vec<u8>,
    pub(super) ended: Ended,
    pub(super) cgroups: Cgroups,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) cleared: AtomicBool,
}

impl Group {
    /// Sends a signal to the process group, while the process that was started lives.
    pub fn signal(&self, signal: Signal) {
        self.ended.unless(|| {
            send(-self.pid, signal as i32);
        });
    }

    /// Kills the process and all its descendants; what left the group is found by the cgroup, or else by its
    /// environment.
    pub fn kill(&self) {
        if self.cleared.load(Ordering::Acquire) {
            return;
        }
        if self.cgroups.kill() {
            self.signal(Signal::SIGKILL);
        } else {
            send(-self.pid, libc::SIGKILL);
            marker::kill_once(|environment| self.owns(environment));
        }
    }

    /// Kills whatever is left after the process has ended, waits until it is gone, and removes the cgroups.
    pub async fn clear(&self) {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        while !self.is_gone() {
            if begun.elapsed() > PATIENCE {
                tracing::error!(probe = %self.probe, pid = self.pid, "Some process of the probe does not die of KILL.");
                return;
            }
            self.kill();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.cleared.store(true, Ordering::Release);
        if self.orders.send(Order::Forget(self.pid)).await.is_err() {
            tracing::debug!(probe = %self.probe, "The spawner was closed before the probe was cleared.");
        }
    }

    /// True when no process is left and the cgroups are removed.
    fn is_gone(&self) -> bool {
        let removed = self.cgroups.remove();
        if self.cgroups.can_kill() {
            return removed;
        }
        let none = self.ended.get() && !send(-self.pid, 0);
        removed && none && marker::kill_once(|environment| self.owns(environment))
    }

    fn owns(&self, environment: &[u8]) -> bool {
        marker::of_probe(environment, &self.entry, &self.probe)
    }

    /// How many processes of the group the kernel killed for want of memory; none where no cgroup counts them.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        self.cgroups.oom_kills()
    }

    /// What the group uses: of all its processes where a cgroup tells it, else of the one that was started.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let own = process_usage(self.pid);
        let cpu = self.cgroups.cpu().or(own.map(|usage| usage.cpu))?;
        let memory = self.cgroups.resident().or(own.map(|usage| usage.memory))?;
        Some(Usage { cpu, memory })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn process_usage(pid: i32) -> Option<Usage> {
    let unit = |variable| sysconf(variable).ok().flatten().and_then(|value| u64::try_from(value).ok());
    let mut buffer = Buffer::new();
    let stat = stat_of(&mut buffer, pid)?;
    let cpu = Duration::from_millis((stat.utime + stat.stime) * 1000 / unit(SysconfVar::CLK_TCK)?.max(1));
    Some(Usage { cpu, memory: stat.rss * unit(SysconfVar::PAGE_SIZE)? })
}
