//! Processes of this machine as /proc has them.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test at once")]

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process at the time of a look.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// The id of its parent.
    pub parent: u32,
    /// Whether it has died and its parent has not waited for it.
    pub zombie: bool,
    start: u64,
    /// Arguments, with blanks between them.
    pub command: String,
    environment: String,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = gopher_procfs::process::stat(&stat)?;
        let text = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        Some(Self {
            pid,
            parent: stat.ppid,
            zombie: stat.state == b'Z',
            start: stat.start_time,
            command: String::from_utf8_lossy(&text("cmdline")).replace('\0', " "),
            environment: String::from_utf8_lossy(&text("environ")).into_owned(),
        })
    }

    /// The value of a variable of its environment.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.split('\0').find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether it is an agent that lives in this folder, or was started by one, however far it has gone since.
    #[must_use]
    pub fn is_of(&self, home: &Path) -> bool {
        let marked =
            self.variable("GOPHER_INSTANCE").is_some_and(|run_dir| Path::new(run_dir).starts_with(home));
        let link = |name: &str| fs::read_link(format!("/proc/{}/{name}", self.pid));
        let is_here = |name: &str| link(name).is_ok_and(|at| at.starts_with(home));
        marked || self.command.contains(&*home.to_string_lossy()) || is_here("cwd") || is_here("exe")
    }

    /// Whether it is still there, be it dead.
    #[must_use]
    pub fn is_there(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.start == self.start)
    }

    /// Sends it a signal; false when it has gone.
    pub fn signal(&self, signal: Signal) -> bool {
        let pid = i32::try_from(self.pid).expect("a process id");
        self.is_there() && kill(Pid::from_raw(pid), signal).is_ok()
    }
}

/// All processes.
#[must_use]
pub fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| Process::read(entry.file_name().to_str()?.parse().ok()?)).collect()
}
