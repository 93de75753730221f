//! Which hierarchies the agent uses, and for what.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::delegate::enable;
use super::kill::{put, remove};
use super::{Found, PREFIX, Version, locate};
use crate::contain::instance::Life;

/// Controllers of version 2 that are of use.
const WANTED: [&str; 2] = ["memory", "cpu"];

/// The agent's cgroup in one hierarchy, in which those of the probes are made.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) version: Version,
    pub(super) folder: PathBuf,
    controllers: Vec<String>,
}

/// The agent's cgroups, and which of them (by place) serves what.
#[derive(Clone, Debug, Default)]
pub(in crate::contain) struct Hierarchies {
    pub(super) roots: Vec<Root>,
    pub(super) memory: Option<usize>,
    pub(super) cpu: Option<usize>,
    pub(super) account: Option<usize>,
    pub(super) kill: Option<usize>,
}

impl Hierarchies {
    /// Makes the agent's cgroups wherever they can be made and are of use. Further ones of the same life get a number.
    pub(in crate::contain) fn create(life: Life) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = match MADE.fetch_add(1, Ordering::Relaxed) {
            0 => format!("{PREFIX}{}", life.id()),
            number => format!("{PREFIX}{}-{number}", life.id()),
        };
        let mut all = Self::default();
        for found in locate() {
            match root(&found, &name) {
                Ok(root) => all.roots.push(root),
                Err(error) => {
                    tracing::debug!(cgroup = %found.own.display(), %error, "Cannot make cgroups here.");
                }
            }
        }
        all.assign();
        all
    }

    fn assign(&mut self) {
        let first = |roots: &[Root], fits: &dyn Fn(&Root) -> bool| roots.iter().position(fits);
        let with = |name: &'static str| move |root: &Root| root.controllers.iter().any(|found| found == name);
        self.memory = first(&self.roots, &with("memory"));
        self.cpu = first(&self.roots, &with("cpu"));
        let v2 = first(&self.roots, &|root: &Root| root.version == Version::V2);
        self.account = v2.or_else(|| first(&self.roots, &with("cpuacct")));
        let freezer = v2.or_else(|| first(&self.roots, &with("freezer")));
        self.kill = freezer.or(self.memory).or(self.cpu).or(self.account);
        // What serves nothing goes, last first so that places stay.
        for at in (0..self.roots.len()).rev() {
            if !self.uses(at) {
                self.forget(at);
            }
        }
    }

    fn uses(&self, at: usize) -> bool {
        [self.memory, self.cpu, self.account, self.kill].contains(&Some(at))
    }

    fn forget(&mut self, at: usize) {
        remove(&self.roots.remove(at).folder);
        for place in [&mut self.memory, &mut self.cpu, &mut self.account, &mut self.kill] {
            *place = place.map(|place| if place > at { place - 1 } else { place });
        }
    }

    /// The agent's cgroups.
    pub(in crate::contain) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|root| root.folder.as_path())
    }

    /// Removes the agent's cgroups. The probes' must be gone.
    pub(in crate::contain) fn remove(&self) {
        for folder in self.folders() {
            if !remove(folder) {
                tracing::warn!(cgroup = %folder.display(), "Cannot remove a cgroup; the next start tries again.");
            }
        }
    }
}

fn root(found: &Found, name: &str) -> std::io::Result<Root> {
    const USEFUL: [&str; 4] = ["memory", "cpu", "cpuacct", "freezer"];
    let mut controllers = found.controllers.clone();
    if found.version == Version::V1 && !controllers.iter().any(|name| USEFUL.contains(&name.as_str())) {
        return Err(std::io::Error::other("no controller of use"));
    }
    let folder = found.own.join(name);
    fs::create_dir(&folder)?;
    match found.version {
        Version::V2 => controllers = enable(&found.own, &folder, &WANTED),
        // Before 5.11 the limit of a cgroup holds for those below it only when told so.
        Version::V1 if controllers.iter().any(|name| name == "memory") => {
            if let Err(error) = put(&folder.join("memory.use_hierarchy"), "1") {
                tracing::debug!(cgroup = %folder.display(), %error, "Cannot set memory.use_hierarchy.");
            }
        }
        Version::V1 => {}
    }
    Ok(Root { version: found.version, folder, controllers })
}
