//! The cgroups of one process with its descendants: limits, accounts, kill.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gopher_procfs::Buffer;

use super::kill::{kill_all, put, remove};
use super::{Hierarchies, Version};
use crate::contain::launch::Limits;
use crate::contain::limits::{Enforced, Mechanism};

/// The period of CPU quotas in microseconds, the kernel's default.
const PERIOD: f64 = 100_000.0;
/// The kernel takes no smaller quota, in microseconds.
const LEAST_QUOTA: f64 = 1_000.0;

/// How many cgroups of earlier lives that could not be removed are passed over.
const NAMES: u32 = 64;

/// One cgroup per hierarchy in use. A purpose that none serves is none.
#[derive(Debug, Default)]
pub(in crate::contain) struct Cgroups {
    folders: Vec<PathBuf>,
    memory: Option<(Version, PathBuf)>,
    account: Option<(Version, PathBuf)>,
    kill: Option<PathBuf>,
}

impl Cgroups {
    /// Makes the cgroups of a process and sets its limits. What cannot be made or set is not enforced.
    pub(in crate::contain) fn create(on: &Hierarchies, name: &str, limits: Limits) -> (Self, Enforced) {
        let places: Vec<Option<(Version, PathBuf)>> =
            on.roots.iter().map(|root| Some((root.version, make(&root.folder, name)?))).collect();
        let of = |place: Option<usize>| place.and_then(|at| places[at].clone());
        let (memory, cpu, kill) = (of(on.memory), of(on.cpu), of(on.kill));
        let enforced = Enforced {
            memory: enforce(limits.memory, memory.as_ref(), set_memory),
            cpu: enforce(limits.cpu, cpu.as_ref(), set_cpu),
            kill: kill.as_ref().map_or(Mechanism::ProcessGroup, |(version, _)| (*version).into()),
        };
        let account = of(on.account);
        let folders = places.into_iter().flatten().map(|(_, folder)| folder).collect();
        (Self { folders, memory, account, kill: kill.map(|(_, folder)| folder) }, enforced)
    }

    /// The files into which a new process writes itself.
    pub(in crate::contain) fn open(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |folder: &PathBuf| OpenOptions::new().write(true).open(folder.join("cgroup.procs"));
        self.folders.iter().map(|folder| open(folder).map(OwnedFd::from)).collect()
    }

    /// Kills everything; false when there is no cgroup to do it with.
    pub(in crate::contain) fn kill(&self) -> bool {
        self.kill.as_ref().is_some_and(|folder| {
            kill_all(folder);
            true
        })
    }

    /// The folder in each hierarchy.
    #[cfg(test)]
    pub(in crate::contain) fn folders(&self) -> Vec<PathBuf> {
        self.folders.clone()
    }

    /// True when a cgroup holds all descendants and can kill them.
    pub(in crate::contain) fn can_kill(&self) -> bool {
        self.kill.is_some()
    }

    /// Removes the cgroups; false while processes are in one of them.
    pub(in crate::contain) fn remove(&self) -> bool {
        self.folders.iter().filter(|folder| !remove(folder)).count() == 0
    }

    /// How many processes the kernel has killed for want of memory; none without a memory cgroup.
    pub(in crate::contain) fn oom_kills(&self) -> Option<u64> {
        let (version, folder) = self.memory.as_ref()?;
        let file = match version {
            Version::V2 => "memory.events",
            Version::V1 => "memory.oom_control",
        };
        let [kills] = values(&folder.join(file), ["oom_kill"]);
        kills
    }

    /// CPU time of everything that was in the cgroup.
    pub(in crate::contain) fn cpu(&self) -> Option<Duration> {
        let (version, folder) = self.account.as_ref()?;
        match version {
            Version::V2 => {
                let [used] = values(&folder.join("cpu.stat"), ["usage_usec"]);
                used.map(Duration::from_micros)
            }
            Version::V1 => {
                let text = fs::read_to_string(folder.join("cpuacct.usage")).ok()?;
                text.trim().parse().ok().map(Duration::from_nanos)
            }
        }
    }

    /// Resident bytes: anonymous memory and mapped files.
    pub(in crate::contain) fn resident(&self) -> Option<u64> {
        let (version, folder) = self.memory.as_ref()?;
        let names = match version {
            Version::V2 => ["anon", "file_mapped"],
            Version::V1 => ["total_rss", "total_mapped_file"],
        };
        let [anonymous, mapped] = values(&folder.join("memory.stat"), names);
        Some(anonymous? + mapped?)
    }
}

/// Makes a cgroup. One of that name with processes that do not die may still be there.
fn make(root: &Path, name: &str) -> Option<PathBuf> {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let name: String = name.chars().map(fits).collect();
    for number in 0..NAMES {
        let folder = root.join(if number == 0 { name.clone() } else { format!("{name}.{number}") });
        match fs::create_dir(&folder) {
            Ok(()) => return Some(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                tracing::warn!(cgroup = %folder.display(), %error, "Cannot make a cgroup for a probe.");
                return None;
            }
        }
    }
    tracing::warn!(cgroup = %root.join(name).display(), "Too many cgroups of earlier lives could not be removed.");
    None
}

fn enforce<T>(
    limit: Option<T>,
    place: Option<&(Version, PathBuf)>,
    set: impl Fn(Version, &Path, T) -> io::Result<()>,
) -> Mechanism {
    let Some(limit) = limit else { return Mechanism::NoLimit };
    let Some((version, folder)) = place else { return Mechanism::NotEnforced };
    match set(*version, folder, limit) {
        Ok(()) => (*version).into(),
        Err(error) => {
            tracing::warn!(cgroup = %folder.display(), %error, "Cannot set a limit.");
            Mechanism::NotEnforced
        }
    }
}

fn set_memory(version: Version, folder: &Path, bytes: u64) -> io::Result<()> {
    let (limit, swap, most) = match version {
        Version::V2 => ("memory.max", "memory.swap.max", 0),
        // This one counts memory and swap together.
        Version::V1 => ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", bytes),
    };
    put(&folder.join(limit), &bytes.to_string())?;
    // Not there where the kernel does not account for swap.
    match put(&folder.join(swap), &most.to_string()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn set_cpu(version: Version, folder: &Path, percent: f64) -> io::Result<()> {
    let quota = (percent / 100.0 * PERIOD).max(LEAST_QUOTA);
    match version {
        Version::V2 => put(&folder.join("cpu.max"), &format!("{quota:.0} {PERIOD:.0}")),
        Version::V1 => {
            put(&folder.join("cpu.cfs_period_us"), &format!("{PERIOD:.0}"))?;
            put(&folder.join("cpu.cfs_quota_us"), &format!("{quota:.0}"))
        }
    }
}

/// The number after each name in a file of lines `name number`, read once: some of these files cost the kernel much.
fn values<const N: usize>(file: &Path, names: [&str; N]) -> [Option<u64>; N] {
    let mut buffer = Buffer::new();
    let text = buffer.read(file).ok().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    names.map(|name| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found?.trim().parse().ok()
    })
}
