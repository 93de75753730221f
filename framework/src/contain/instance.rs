//! Which agent a process belongs to: run directory, pid and start of the agent.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use gopher_procfs::Buffer;
use gopher_procfs::process::{Stat, stat};

/// The environment variable that every descendant of an agent carries.
pub(super) const VARIABLE: &str = "GOPHER_INSTANCE";

/// One life of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    run_dir: PathBuf,
    life: Life,
}

/// A process id with the start that tells it from a later process of the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pid: u32,
    start: u64,
}

impl Instance {
    /// This process as the agent of a run directory.
    #[must_use]
    pub fn current(run_dir: &Path) -> Self {
        let pid = std::process::id();
        Self { run_dir: run_dir.to_owned(), life: Life { pid, start: start_of(pid).unwrap_or(0) } }
    }

    /// Reads the value of the environment variable.
    pub(super) fn parse(marker: &[u8]) -> Option<Self> {
        let mut parts = marker.rsplitn(3, |byte| *byte == b':');
        let start = number(parts.next()?)?;
        let pid = u32::try_from(number(parts.next()?)?).ok()?;
        let run_dir = OsString::from_vec(parts.next()?.to_vec()).into();
        Some(Self { run_dir, life: Life { pid, start } })
    }

    /// The value of the environment variable: `<run_dir>:<pid>:<start>`.
    pub(super) fn marker(&self) -> OsString {
        let mut marker = self.run_dir.clone().into_os_string();
        marker.push(format!(":{}:{}", self.life.pid, self.life.start));
        marker
    }

    /// The environment entry, `NAME=value`.
    pub(super) fn entry(&self) -> Vec<u8> {
        [VARIABLE.as_bytes(), b"=", self.marker().as_bytes()].concat()
    }

    pub(super) fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    pub(super) fn life(&self) -> Life {
        self.life
    }
}

impl Life {
    /// Reads `<pid>-<start>`; a further `-…` is left alone.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        Some(Self { pid: parts.next()?.parse().ok()?, start: parts.next()?.parse().ok()? })
    }

    /// `<pid>-<start>`, which names the cgroups of this life.
    pub(super) fn id(self) -> String {
        format!("{}-{}", self.pid, self.start)
    }

    /// True while that very process lives.
    pub(super) fn is_alive(self) -> bool {
        start_of(self.pid) == Some(self.start)
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The start in clock ticks since boot; none for a zombie, which is as good as gone.
fn start_of(pid: u32) -> Option<u64> {
    let mut buffer = Buffer::new();
    let stat = stat_of(&mut buffer, pid)?;
    (!matches!(stat.state, b'Z' | b'X')).then_some(stat.start_time)
}

/// `/proc/PID/stat` of a process that is there.
pub(super) fn stat_of(buffer: &mut Buffer, pid: impl fmt::Display) -> Option<Stat<'_>> {
    stat(buffer.read(Path::new(&format!("/proc/{pid}/stat"))).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marker_is_read_back() {
        let instance = Instance::current(Path::new("/run/with:colon"));
        assert_eq!(Instance::parse(instance.marker().as_bytes()), Some(instance));
    }

    #[test]
    fn this_process_is_alive_and_an_older_one_of_its_pid_is_not() {
        let life = Instance::current(Path::new("/run/x")).life();
        assert!(life.is_alive());
        assert_eq!(Life::parse(&life.id()), Some(life));
        assert!(!Life { start: life.start - 1, ..life }.is_alive());
    }
}
