//! Item `proc`: CPU, memory, I/O and descriptors of the processes in scope.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gopher_procfs::mem::meminfo;
use gopher_procfs::process::{FdCounter, Io, Limit, Smaps, Stat, io, open_files_limit, smaps_rollup, stat};
use gopher_procfs::{FileReader, Folder, System};
use nix::errno::Errno;
use probe_sdk::Context;

use crate::alarms::{Alarm, Alarms, Subject};
use crate::collect::Collector;
use crate::shared::{Shared, per_second, percent};

/// Table `system_proc`.
#[derive(Debug)]
pub(crate) struct Proc {
    meminfo: FileReader,
    folder: PathBuf,
    names: Folder,
    fds: FdCounter,
    /// Path of the file that is being read, its space used again and again.
    path: String,
    wanted: Vec<(u32, u64)>,
    /// By process id and start: a reused id is a new process.
    before: HashMap<(u32, u64), Times>,
    now: HashMap<(u32, u64), Times>,
}

/// CPU time at one moment, in ticks.
#[derive(Clone, Copy, Debug)]
struct Times {
    utime: u64,
    stime: u64,
    guest: u64,
    at: Instant,
}

/// What a period says about a process besides its own files.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Usage {
    all: Option<f64>,
    user: Option<f64>,
    system: Option<f64>,
}

/// Everything that is read of one process, `stat` excepted.
struct Others {
    fds: Option<u64>,
    fd_free: Option<f64>,
    io: Io,
    smaps: Smaps,
}

impl Proc {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            meminfo: shared.reader("/proc/meminfo"),
            folder: shared.root.path("/proc"),
            names: Folder::default(),
            fds: FdCounter::default(),
            path: String::new(),
            wanted: Vec::new(),
            before: HashMap::new(),
            now: HashMap::new(),
        }
    }

    /// The processes in scope; 0 stands for a start that is not known.
    fn list(&mut self, shared: &mut Shared, ctx: &Context) {
        self.wanted.clear();
        let Some(scope) = ctx.scope() else { return };
        if !scope.all {
            self.wanted.extend(scope.processes.iter().map(|process| (process.pid, process.start_time)));
            return;
        }
        let pid = |name: &[u8]| std::str::from_utf8(name).ok()?.parse().ok();
        let found = self.names.names(&self.folder, |name| self.wanted.extend(pid(name).map(|pid| (pid, 0))));
        match found {
            Ok(()) => shared.reports.works(&self.folder),
            Err(error) => shared.reports.refused(&self.folder, &error),
        }
    }

    fn report(
        &mut self,
        (pid, start): (u32, u64),
        memory_kb: Option<u64>,
        shared: &mut Shared,
        ctx: &mut Context,
    ) -> anyhow::Result<()> {
        // `Stat` borrows the buffer that the next files are read into, so that its name is given up.
        let Some(text) = self.read(pid, "/proc/PID/stat", shared) else { return Ok(()) };
        let Some(found) = stat(text).map(|found| Stat { comm: b"", ..found }) else { return Ok(()) };
        if start != 0 && found.start_time != start {
            return Ok(());
        }
        let (guest, at) = (found.guest_time.unwrap_or(0), Instant::now());
        let times = Times { utime: found.utime, stime: found.stime, guest, at };
        let key = (pid, found.start_time);
        let before = self.before.get(&key);
        let usage = before.map(|before| usage(before, &times, &shared.system)).unwrap_or_default();
        self.now.insert(key, times);
        let io = self.read(pid, "/proc/PID/io", shared).map(io).unwrap_or_default();
        let smaps = self.read(pid, "/proc/PID/smaps_rollup", shared).map(smaps_rollup).unwrap_or_default();
        let limit = self.read(pid, "/proc/PID/limits", shared).and_then(open_files_limit);
        let fds = self.count(pid, shared);
        let others = Others { fds, fd_free: limit.zip(fds).and_then(fd_free), io, smaps };
        let resident = found.rss.saturating_mul(shared.system.page_size);
        let memory = memory_kb.and_then(|all| percent(resident, all.saturating_mul(1024)));
        send(&found, resident, memory, (&usage, &others), ctx)?;
        self.alarm(pid, others.fd_free, shared.alarms, ctx)
    }

    /// The descriptors that are used, of those that the process may have.
    fn alarm(
        &mut self,
        pid: u32,
        free: Option<f64>,
        alarms: Alarms,
        ctx: &mut Context,
    ) -> anyhow::Result<()> {
        self.path.clear();
        // Writing to a string does not fail.
        write!(self.path, "{pid}").ok();
        let subject = Subject { pid: &self.path, ..Subject::of(&self.path) };
        alarms.share(Alarm::Files, subject, free.map(|free| 100.0 - free), ctx)
    }

    /// Makes [`Self::path`] that of a file named `/proc/PID/NAME`.
    fn name(&mut self, pid: u32, file: &str) {
        self.path.clear();
        // Writing to a string does not fail.
        write!(self.path, "{}/{pid}{}", self.folder.display(), file.trim_start_matches("/proc/PID")).ok();
    }

    /// A process that has ended is no failure; a refusal is reported once per file.
    fn read<'s>(&mut self, pid: u32, file: &str, shared: &'s mut Shared) -> Option<&'s [u8]> {
        self.name(pid, file);
        match shared.buffer.read(self.path.as_ref()) {
            Ok(text) => Some(text),
            Err(error) => {
                if !has_ended(&error) {
                    shared.reports.refused(file, &error);
                }
                None
            }
        }
    }

    fn count(&mut self, pid: u32, shared: &mut Shared) -> Option<u64> {
        let folder = "/proc/PID/fd";
        self.name(pid, folder);
        match self.fds.count(self.path.as_ref()) {
            Ok(count) => Some(count),
            Err(error) => {
                if !has_ended(&error) {
                    shared.reports.refused(folder, &error);
                }
                None
            }
        }
    }
}

impl Collector for Proc {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        self.list(shared, ctx);
        if !self.wanted.is_empty() {
            let memory = shared.read(&mut self.meminfo).and_then(|text| meminfo(text).total);
            for index in 0..self.wanted.len() {
                let Some(process) = self.wanted.get(index).copied() else { break };
                self.report(process, memory, shared, ctx)?;
            }
        }
        std::mem::swap(&mut self.before, &mut self.now);
        self.now.clear();
        Ok(())
    }
}

fn has_ended(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::ESRCH as i32) || error.kind() == io::ErrorKind::NotFound
}

/// CPU time of a period in percent of one CPU.
fn usage(before: &Times, now: &Times, system: &System) -> Usage {
    let elapsed: Duration = now.at.duration_since(before.at);
    let share = |before, now| {
        let ticks = per_second(before, now, elapsed)?;
        #[expect(clippy::cast_precision_loss, reason = "ticks per second are a small number")]
        Some(100.0 * ticks / system.ticks_per_second as f64)
    };
    let user = |times: &Times| times.utime.saturating_sub(times.guest);
    Usage {
        all: share(before.utime.saturating_add(before.stime), now.utime.saturating_add(now.stime)),
        user: share(user(before), user(now)),
        system: share(before.stime, now.stime),
    }
}

/// Share of the limit that is left; a process above a limit that was lowered has none left.
fn fd_free((limit, count): (Limit, u64)) -> Option<f64> {
    match limit {
        Limit::Unlimited => Some(100.0),
        Limit::AtMost(limit) => percent(limit.saturating_sub(count), limit),
    }
}

fn send(
    stat: &Stat<'_>,
    resident: u64,
    memory: Option<f64>,
    (usage, others): (&Usage, &Others),
    ctx: &mut Context,
) -> anyhow::Result<()> {
    let (io, smaps) = (&others.io, &others.smaps);
    let row = ctx.row("system_proc")?.set("tgid", stat.pid).set("pgid", stat.pgid).set("ppid", stat.ppid);
    let row = row.set("fd_count", others.fds).set("fd_free_per", others.fd_free);
    let row = row.set("rchar_bytes", io.rchar).set("wchar_bytes", io.wchar);
    let row = row.set("syscr_count", io.syscr).set("syscw_count", io.syscw);
    let row = row.set("read_bytes", io.read_bytes).set("write_bytes", io.write_bytes);
    let row = row.set("cancelled_write_bytes", io.cancelled_write_bytes);
    let row = row.set("shared_clean_size", smaps.shared_clean).set("shared_dirty_size", smaps.shared_dirty);
    let row = row.set("private_clean_size", smaps.private_clean);
    let row = row.set("private_dirty_size", smaps.private_dirty).set("referenced_size", smaps.referenced);
    let row = row.set("lazyfree_size", smaps.lazy_free).set("swap_data_size", smaps.swap);
    let row = row.set("swap_data_pss_size", smaps.swap_pss);
    let row = row.set("minor_pagefault_count", stat.minor_faults);
    let row = row.set("major_pagefault_count", stat.major_faults);
    let row = row.set("utime_jiffies", stat.utime).set("stime_jiffies", stat.stime);
    let row = row.set("cutime_jiffies", stat.cutime).set("cstime_jiffies", stat.cstime);
    let row = row.set("priority", stat.priority).set("nice", stat.nice);
    let row = row.set("num_threads", stat.num_threads).set("vm_size", stat.vm_size);
    let row = row.set("pm_size", resident).set("pm_util", memory).set("cpu", stat.cpu);
    let row = row.set("cpu_util", usage.all).set("cpu_user_util", usage.user);
    row.set("cpu_system_util", usage.system).send()?;
    Ok(())
}

#[cfg(test)]
mod tests;
