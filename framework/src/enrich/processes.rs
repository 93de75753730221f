//! The processes that rows name, read from procfs once and looked at again while they are named.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gopher_procfs::System;
use gopher_procfs::cpu::boot_time;
use gopher_procfs::process::stat;

use super::process::Process;
use crate::sync::lock;

/// Milliseconds for which a process is taken to be what it was.
const TRUST: u64 = 1000;
/// Bytes that no line of `/proc/PID/stat` reaches.
const STAT: usize = 1024;
/// Bytes of a command line that become a label.
const CMDLINE: usize = 256;
/// The most processes kept; more are read anew each time they are named.
const CAPACITY: usize = 65_536;

/// A process as the scope sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) pid: u32,
    pub(super) start_ticks: u64,
    pub(super) comm: String,
    pub(super) cmdline: String,
}

/// A cache over `/proc`.
#[derive(Debug)]
pub struct Processes {
    proc: PathBuf,
    boot_time: u64,
    ticks_per_second: u64,
    known: Mutex<HashMap<u32, Arc<Process>>>,
}

impl Processes {
    /// Over the procfs below `host_path` (`/` outside containers).
    #[must_use]
    pub fn new(host_path: &Path) -> Self {
        let proc =
            if host_path.as_os_str().is_empty() { PathBuf::from("/proc") } else { host_path.join("proc") };
        let boot_time = fs::read(proc.join("stat")).ok().and_then(|bytes| boot_time(&bytes)).unwrap_or(0);
        let ticks_per_second = System::read().map_or(100, |system| system.ticks_per_second);
        Self { proc, boot_time, ticks_per_second, known: Mutex::default() }
    }

    /// The process with this id now; `None` when there is none. At most a second old.
    pub fn get(&self, pid: u32, now: u64) -> Option<Arc<Process>> {
        let known = lock(&self.known).get(&pid).cloned();
        match known {
            Some(process) => self.refresh(&process, now),
            None => self.read(pid, now),
        }
    }

    /// What `process` has become: itself where it was looked at within a second, itself with other labels, or the
    /// process that has its id now. `None` when it has ended.
    #[inline]
    pub fn refresh(&self, process: &Arc<Process>, now: u64) -> Option<Arc<Process>> {
        if now < process.checked() + TRUST {
            return process.ended().is_none().then(|| Arc::clone(process));
        }
        self.look_again(process, now)
    }

    fn look_again(&self, process: &Arc<Process>, now: u64) -> Option<Arc<Process>> {
        process.check(now);
        let current = self.read_process(process.pid);
        if let Some(current) = &current
            && current.reads_as(process)
        {
            return Some(Arc::clone(process));
        }
        if !current.as_ref().is_some_and(|current| current.is_same(process)) {
            process.end(now);
        }
        self.keep(process.pid, current, now)
    }

    /// Looks at every process that is known; those that nobody names any more are forgotten. Call it every few seconds.
    pub fn sweep(&self, now: u64) {
        let known: Vec<_> = lock(&self.known).values().cloned().collect();
        for process in &known {
            if self.start_ticks(process.pid) != Some(process.start_ticks) {
                process.end(now);
            }
        }
        drop(known);
        lock(&self.known).retain(|_, process| Arc::strong_count(process) > 1 && process.ended().is_none());
    }

    /// All process ids now.
    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        let entries = fs::read_dir(&self.proc).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
    }

    /// The process with this id now; `known` again where neither its start nor its name has changed. A command line
    /// is read anew only with one of these: an exec changes the name in nearly every case.
    pub(super) fn identify(&self, pid: u32, known: Option<&Arc<Identity>>) -> Option<Arc<Identity>> {
        let bytes = self.bytes(pid, "stat", STAT)?;
        let stat = stat(&bytes)?;
        let (start_ticks, comm) = (stat.start_time, String::from_utf8_lossy(stat.comm));
        if let Some(known) = known.filter(|known| known.start_ticks == start_ticks && known.comm == comm) {
            return Some(Arc::clone(known));
        }
        let cmdline =
            self.text(pid, "cmdline", 4096).unwrap_or_default().trim_end_matches('\0').replace('\0', " ");
        Some(Arc::new(Identity { pid, start_ticks, comm: comm.into_owned(), cmdline }))
    }

    fn read(&self, pid: u32, now: u64) -> Option<Arc<Process>> {
        let process = self.read_process(pid);
        self.keep(pid, process, now)
    }

    fn keep(&self, pid: u32, process: Option<Process>, now: u64) -> Option<Arc<Process>> {
        let mut known = lock(&self.known);
        let Some(process) = process else {
            known.remove(&pid);
            return None;
        };
        process.check(now);
        let process = Arc::new(process);
        if known.len() < CAPACITY || known.contains_key(&pid) {
            known.insert(pid, Arc::clone(&process));
        }
        Some(process)
    }

    fn read_process(&self, pid: u32) -> Option<Process> {
        let start_ticks = self.start_ticks(pid)?;
        let comm = self.text(pid, "comm", 64)?;
        let cmdline = self.text(pid, "cmdline", CMDLINE).unwrap_or_default();
        let cmdline = cmdline.trim_end_matches('\0').replace('\0', " ");
        let start_time = self.boot_time + start_ticks / self.ticks_per_second;
        let comm = comm.trim_end_matches('\n').to_owned();
        Some(Process::new(pid, start_ticks, comm, cmdline, start_time.to_string()))
    }

    fn start_ticks(&self, pid: u32) -> Option<u64> {
        Some(stat(&self.bytes(pid, "stat", STAT)?)?.start_time)
    }

    fn text(&self, pid: u32, file: &str, limit: usize) -> Option<String> {
        Some(String::from_utf8_lossy(&self.bytes(pid, file, limit)?).into_owned())
    }

    fn bytes(&self, pid: u32, file: &str, limit: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(limit);
        let file = fs::File::open(self.proc.join(pid.to_string()).join(file)).ok()?;
        file.take(limit as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(process: &Process) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        process
            .each_label(false, true, &mut |name: &str, value: &str| labels.push((name.into(), value.into())));
        labels
    }

    fn write(root: &Path, pid: u32, comm: &str, start: u64) {
        let folder = root.join(format!("proc/{pid}"));
        fs::create_dir_all(&folder).unwrap();
        let stat = format!("{pid} ({comm}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0\n");
        fs::write(folder.join("stat"), stat).unwrap();
        fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
        fs::write(folder.join("cmdline"), "/bin/x\0-v\0").unwrap();
    }

    #[test]
    fn a_process_is_labelled_from_procfs_whatever_its_name() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 7, "a) b (c", 250);
        fs::write(root.path().join("proc/stat"), "cpu 1\nbtime 1000\n").unwrap();
        let process = Processes::new(root.path()).get(7, 1).unwrap();
        let expected = [("comm", "a) b (c"), ("cmdline", "/bin/x -v"), ("start_time", "1002")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(labels(&process), expected);
    }

    #[test]
    fn a_reused_pid_is_another_process_and_the_first_has_ended() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 7, "old", 250);
        let processes = Processes::new(root.path());
        let first = processes.get(7, 1).unwrap();
        write(root.path(), 7, "new", 900);
        assert!(processes.get(7, 2).is_some_and(|same| Arc::ptr_eq(&same, &first)));
        let second = processes.get(7, 5000).unwrap();
        assert!(!second.is_same(&first));
        assert_eq!((first.ended(), second.ended()), (Some(5000), None));
    }

    #[test]
    fn a_new_name_keeps_the_process() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 7, "sh", 250);
        let processes = Processes::new(root.path());
        let first = processes.get(7, 1).unwrap();
        write(root.path(), 7, "nginx", 250);
        let second = processes.get(7, 5000).unwrap();
        assert!(second.is_same(&first) && !Arc::ptr_eq(&second, &first));
        assert_eq!(first.ended(), None);
    }

    #[test]
    fn the_sweep_notices_the_end_and_forgets_who_is_not_named() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 7, "a", 1);
        write(root.path(), 8, "b", 1);
        let processes = Processes::new(root.path());
        let named = processes.get(7, 1).unwrap();
        drop(processes.get(8, 1));
        fs::remove_dir_all(root.path().join("proc/7")).unwrap();
        processes.sweep(9000);
        assert_eq!(named.ended(), Some(9000));
        assert!(lock(&processes.known).is_empty());
    }
}
