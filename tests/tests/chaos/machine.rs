//! What the machine itself says: processes, cgroups, memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Only so that what never comes ends the test.
const PATIENCE: Duration = Duration::from_secs(60);
/// How deep below the root of a hierarchy an agent's cgroup may be.
const DEPTH: u32 = 5;

/// A process that lives.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) zombie: bool,
    pub(crate) command: String,
    environment: Vec<u8>,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let zombie = fields.next()? == "Z";
        let parent = fields.next()?.parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        Some(Self {
            pid,
            parent,
            zombie,
            command: String::from_utf8_lossy(&command).replace('\0', " "),
            environment,
        })
    }

    /// The value of a variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let entries = self.environment.split(|byte| *byte == 0);
        let mut entries = entries.map(String::from_utf8_lossy);
        entries.find_map(|entry| Some(entry.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
    }

    /// Whether it was started by an agent that lives in this folder, or is such an agent.
    pub(crate) fn is_of(&self, home: &Path) -> bool {
        let home = home.to_str().unwrap();
        self.variable("GOPHER_INSTANCE").is_some_and(|instance| instance.starts_with(home))
            || self.command.contains(home)
    }
}

/// All processes.
pub(crate) fn processes() -> Vec<Process> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| Process::read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Cgroups that an agent of this pid has made.
pub(crate) fn cgroups(pid: i32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    below(Path::new("/sys/fs/cgroup"), &format!("gala-gopher.{pid}-"), DEPTH, &mut found);
    found
}

fn below(folder: &Path, prefix: &str, depth: u32, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            found.push(entry.path());
        } else if depth > 0 {
            below(&entry.path(), prefix, depth - 1, found);
        }
    }
}

/// Resident memory of a process in KiB.
pub(crate) fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Open files of a process.
pub(crate) fn open_files(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Waits until the list is empty; returns how long that took.
pub(crate) fn until_none<T: std::fmt::Debug>(what: &str, mut list: impl FnMut() -> Vec<T>) -> Duration {
    let since = Instant::now();
    loop {
        let left = list();
        if left.is_empty() {
            return since.elapsed();
        }
        assert!(since.elapsed() < PATIENCE, "{what}: {left:#?}");
        pause();
    }
}

/// Waits until there is something.
pub(crate) fn until_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "{what}: nothing after {PATIENCE:?}");
        pause();
    }
}

/// Between two looks.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
