//! What the agent reads of a process in procfs.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use gopher_procfs::System;
use gopher_procfs::cpu::boot_time;
use gopher_procfs::process::stat;

/// Bytes that no line of `/proc/PID/stat` reaches.
const STAT: usize = 1024;
/// Bytes of a command line that patterns see.
const CMDLINE: usize = 4096;
/// Bytes of `/proc/PID/cgroup`: a dozen hierarchies with nested containers stay far below.
const CGROUP: usize = 16 << 10;

/// The procfs of the host.
#[derive(Debug)]
pub(super) struct Procfs {
    proc: PathBuf,
    boot_time: u64,
    ticks_per_second: u64,
}

/// Who has a pid and what its name is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Glance {
    /// Start in clock ticks since boot.
    pub(super) start_ticks: u64,
    pub(super) comm: String,
}

impl Procfs {
    /// The one below `host_path` (`/` outside containers).
    pub(super) fn new(host_path: &Path) -> Self {
        let proc =
            if host_path.as_os_str().is_empty() { PathBuf::from("/proc") } else { host_path.join("proc") };
        let boot_time = fs::read(proc.join("stat")).ok().and_then(|bytes| boot_time(&bytes)).unwrap_or(0);
        let ticks_per_second = System::read().map_or(100, |system| system.ticks_per_second);
        Self { proc, boot_time, ticks_per_second }
    }

    /// All process ids now.
    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        let entries = fs::read_dir(&self.proc).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
    }

    /// The process with this id, unless it has ended: one whose last thread has gone and that its parent has not
    /// collected counts as ended.
    pub(super) fn glance(&self, pid: u32) -> Option<Glance> {
        let bytes = self.bytes(pid, "stat", STAT)?;
        let stat = stat(&bytes)?;
        let ended = matches!(stat.state, b'Z' | b'X') && stat.num_threads <= 1;
        let comm = || String::from_utf8_lossy(stat.comm).into_owned();
        (!ended).then(|| Glance { start_ticks: stat.start_time, comm: comm() })
    }

    /// The command line with blanks between its words.
    pub(super) fn cmdline(&self, pid: u32) -> String {
        let text = self.text(pid, "cmdline", CMDLINE).unwrap_or_default();
        text.trim_end_matches('\0').replace('\0', " ")
    }

    /// Its control groups.
    pub(super) fn cgroup(&self, pid: u32) -> String {
        self.text(pid, "cgroup", CGROUP).unwrap_or_default()
    }

    /// Seconds since 1970 of a start.
    pub(super) fn start_time(&self, start_ticks: u64) -> u64 {
        self.boot_time + start_ticks / self.ticks_per_second
    }

    fn text(&self, pid: u32, file: &str, limit: usize) -> Option<String> {
        Some(String::from_utf8_lossy(&self.bytes(pid, file, limit)?).into_owned())
    }

    fn bytes(&self, pid: u32, file: &str, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(limit.min(1024));
        let file = fs::File::open(self.proc.join(pid.to_string()).join(file)).ok()?;
        file.take(limit as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}
