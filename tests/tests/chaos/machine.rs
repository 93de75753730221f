//! What the machine itself says: cgroups, memory, files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Only so that what never comes ends the test.
const PATIENCE: Duration = Duration::from_secs(60);
/// How deep below the root of a hierarchy an agent's cgroup may be.
const DEPTH: u32 = 5;

/// Cgroups that an agent of this pid has made.
pub(crate) fn cgroups(pid: u32) -> Vec<PathBuf> {
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
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Open files of a process.
pub(crate) fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Waits until the list is empty.
pub(crate) fn until_none<T: std::fmt::Debug>(what: &str, mut list: impl FnMut() -> Vec<T>) {
    let since = Instant::now();
    loop {
        let left = list();
        if left.is_empty() {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{what}: {left:#?}");
        pause();
    }
}

/// Between two looks.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
