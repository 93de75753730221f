//! Getting controllers of version 2 for the probes' cgroups.
//!
//! A cgroup that hands controllers down may hold no process of its own, the root excepted. So an agent that is alone
//! in its cgroup, as a service is, moves to the leaf `agent` beside the probes' cgroups; an agent that is not alone
//! leaves everything as it is.

use std::path::Path;
use std::{fs, io};

use super::kill::{processes, put};

/// Where the agent itself moves.
const LEAF: &str = "agent";

/// Makes controllers available below a folder of the agent's own cgroup. Returns those that are.
pub(super) fn enable(own: &Path, folder: &Path, wanted: &[&str]) -> Vec<String> {
    let missing: Vec<&str> = {
        let enabled = listed(&own.join("cgroup.subtree_control"));
        let there = listed(&own.join("cgroup.controllers"));
        let is_missing = |name: &&&str| !has(&enabled, name) && has(&there, name);
        wanted.iter().filter(is_missing).copied().collect()
    };
    if !missing.is_empty()
        && let Err(error) = enable_in_own(own, &missing)
    {
        tracing::info!(cgroup = %own.display(), %error, "Cannot hand controllers down to probes.");
    }
    for name in wanted {
        if let Err(error) = hand_down(folder, name) {
            tracing::debug!(cgroup = %folder.display(), controller = name, %error, "Controller is not there.");
        }
    }
    let enabled = listed(&folder.join("cgroup.subtree_control"));
    enabled.into_iter().filter(|name| wanted.contains(&name.as_str())).collect()
}

fn enable_in_own(own: &Path, names: &[&str]) -> io::Result<()> {
    let is_root = !own.join("cgroup.type").exists();
    if is_root {
        return names.iter().try_for_each(|name| hand_down(own, name));
    }
    let this = std::process::id().to_string();
    if processes(own).iter().any(|pid| pid.to_string() != this) {
        return Err(io::Error::other("other processes are in the agent's cgroup; give the agent its own"));
    }
    let leaf = own.join(LEAF);
    match fs::create_dir(&leaf) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    put(&leaf.join("cgroup.procs"), &this)?;
    let result = names.iter().try_for_each(|name| hand_down(own, name));
    if result.is_err() && listed(&own.join("cgroup.subtree_control")).is_empty() {
        put(&own.join("cgroup.procs"), &this)?;
        fs::remove_dir(&leaf)?;
    }
    result
}

fn hand_down(folder: &Path, controller: &str) -> io::Result<()> {
    put(&folder.join("cgroup.subtree_control"), &format!("+{controller}"))
}

fn listed(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

fn has(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| entry == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contain::cgroup::{Version, locate};
    use crate::contain::tests::roles::{command, plays};

    const ROLE: &str = "cgroup::delegate::tests::role";

    /// In a process of its own, as it moves to another cgroup.
    #[test]
    fn agent_that_is_alone_moves_to_a_leaf() {
        assert!(command(ROLE).status().unwrap().success());
    }

    #[test]
    fn role() {
        if plays(ROLE) {
            play();
        }
    }

    fn play() {
        let found = locate().into_iter().find(|found| found.version == Version::V2);
        let Some(own) = found.map(|found| found.own) else {
            eprintln!("skipped: no cgroups of version 2 here");
            return;
        };
        let Some(controller) = listed(&own.join("cgroup.controllers")).into_iter().next() else {
            eprintln!("skipped: no controller of version 2 here");
            return;
        };
        let was_on = has(&listed(&own.join("cgroup.subtree_control")), &controller);
        if let Err(error) = hand_down(&own, &controller) {
            eprintln!("skipped: {}: {error}", own.display());
            return;
        }
        let this = std::process::id().to_string();
        let service = own.join(format!("gopher-test-{this}"));
        let folder = service.join("probes");
        fs::create_dir_all(&folder).unwrap();
        put(&service.join("cgroup.procs"), &this).unwrap();
        let enabled = enable(&service, &folder, &[&controller]);
        let moved = processes(&service.join(LEAF));
        put(&own.join("cgroup.procs"), &this).unwrap();
        assert!(crate::contain::cgroup::remove(&service));
        if !was_on {
            put(&own.join("cgroup.subtree_control"), &format!("-{controller}")).unwrap();
        }
        assert_eq!(enabled, [controller]);
        assert_eq!(moved, [i32::try_from(std::process::id()).unwrap()]);
    }
}
