//! Killing all that is in a cgroup, and removing it.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::contain::reaper::send_kill;

/// Rounds of looking for processes that were forked meanwhile.
const ROUNDS: usize = 100;

/// Kills every process of a cgroup and of those below it. They may take a moment to be gone.
pub(in crate::contain) fn kill_all(folder: &Path) {
    if put(&folder.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    // Frozen, nobody forks; and a process of version 1 dies only when thawed.
    freeze(folder, true);
    let mut killed = BTreeSet::new();
    for _ in 0..ROUNDS {
        let unseen: Vec<i32> = all_processes(folder).into_iter().filter(|pid| killed.insert(*pid)).collect();
        if unseen.is_empty() {
            break;
        }
        unseen.into_iter().for_each(send_kill);
    }
    freeze(folder, false);
}

/// Writes to a file of a cgroup, which must be there.
pub(super) fn put(file: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.write_all(value.as_bytes())
}

fn freeze(folder: &Path, frozen: bool) {
    let files = [("cgroup.freeze", ["0", "1"]), ("freezer.state", ["THAWED", "FROZEN"])];
    for (file, values) in files {
        let file = folder.join(file);
        match put(&file, values[usize::from(frozen)]) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(file = %file.display(), %error, "Cannot freeze or thaw.");
            }
            _ => {}
        }
    }
}

/// The processes of a cgroup alone. Those of other pid namespaces are shown as 0, which is nobody.
pub(super) fn processes(folder: &Path) -> Vec<i32> {
    let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect()
}

fn all_processes(folder: &Path) -> Vec<i32> {
    let below = children(folder).into_iter().flat_map(|child| all_processes(&child));
    processes(folder).into_iter().chain(below).collect()
}

/// Removes a cgroup and those below it; false while processes are in one of them.
pub(in crate::contain) fn remove(folder: &Path) -> bool {
    let below = children(folder).iter().all(|child| remove(child));
    match fs::remove_dir(folder) {
        Ok(()) => below,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The cgroups directly below one.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
