//! The sweep at the start: what an earlier agent and its keeper have left when both were killed.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{PREFIX, kill_all, locate, remove};
use super::instance::Life;
use super::marker;

/// How often the removal of a cgroup is tried: what was killed takes a moment to be gone.
const TRIES: u32 = 400;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// What was left and is gone now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Processes that were found by their environment.
    pub processes: usize,
    /// Agents' cgroups.
    pub cgroups: usize,
}

/// Kills the processes that belong to this run directory and to an agent that is dead, and removes the cgroups of
/// dead agents beside our own with whatever is in them. To be called while the run directory is held.
#[must_use]
pub fn leftovers(run_dir: &Path) -> Swept {
    let mut cgroups = 0;
    for folder in stale() {
        kill_all(&folder);
        let removed = (0..TRIES).any(|_| {
            remove(&folder) || {
                std::thread::sleep(PAUSE);
                false
            }
        });
        if removed {
            cgroups += 1;
        } else {
            tracing::error!(cgroup = %folder.display(), "Some process of an earlier agent does not die of KILL.");
        }
    }
    let (processes, all) = marker::kill_marked(|environment| {
        marker::instance(environment)
            .is_some_and(|instance| instance.run_dir() == run_dir && !instance.life().is_alive())
    });
    if !all {
        tracing::error!("Some process of an earlier agent does not die of KILL.");
    }
    Swept { processes, cgroups }
}

/// Cgroups of dead agents.
fn stale() -> Vec<PathBuf> {
    let entries = locate().into_iter().flat_map(|found| fs::read_dir(found.own)).flatten().flatten();
    let is_dead = |entry: &fs::DirEntry| {
        let life = entry.file_name().to_str().and_then(|name| Life::parse(name.strip_prefix(PREFIX)?));
        life.is_some_and(|life| !life.is_alive())
    };
    entries.filter(is_dead).map(|entry| entry.path()).collect()
}
