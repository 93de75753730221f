//! From selectors to processes and containers: what a probe is told to observe. A probe never sees a pattern.

use std::collections::BTreeMap;
use std::sync::Arc;

use gopher_protocol::control::{self, Scope};
use regex::Regex;

use super::cgroup::normal_uid;
use super::container::Container;
use super::process::Process;
use super::processes::Processes;
use super::watch::Changed;

/// What selects processes.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The whole host.
    pub all: bool,
    /// What is observed: the union.
    pub select: Parts,
    /// What is not, whatever else selects it.
    pub exclude: Parts,
}

/// Ways to select; the union of them.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Processes with these ids.
    pub ids: Vec<u32>,
    /// Processes whose name and command line fit.
    pub names: Vec<Name>,
    /// Containers whose id begins so.
    pub container_ids: Vec<String>,
    /// Containers with these names.
    pub container_names: Vec<String>,
    /// Containers of the pods with these uids.
    pub pod_ids: Vec<String>,
}

/// A pattern for processes.
#[derive(Clone, Debug)]
pub struct Name {
    /// Searched in the process's name.
    pub comm: Regex,
    /// Text that the command line contains; empty = any.
    pub cmdline: String,
}

impl Name {
    /// Whether the process fits.
    #[must_use]
    pub fn fits(&self, process: &Process) -> bool {
        let (comm, cmdline) = process.names();
        self.comm.is_match(comm) && (self.cmdline.is_empty() || cmdline.contains(&self.cmdline))
    }
}

impl Parts {
    /// True when nothing is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let containers = [&self.container_ids, &self.container_names, &self.pod_ids];
        self.ids.is_empty() && self.names.is_empty() && containers.iter().all(|part| part.is_empty())
    }

    fn process(&self, process: &Process, by_id: bool) -> bool {
        by_id && self.ids.contains(&process.pid) || self.names.iter().any(|name| name.fits(process))
    }

    fn container(&self, container: &Container) -> bool {
        let pod = |wanted: &String| normal_uid(wanted).is_some_and(|uid| is_uid(container.pod_id(), &uid));
        self.container_ids.iter().any(|id| container.id.starts_with(id))
            || self.container_names.iter().any(|name| name == container.name())
            || self.pod_ids.iter().any(pod)
    }
}

/// Static pods have uids without dashes.
fn is_uid(found: &str, wanted: &str) -> bool {
    found == wanted || normal_uid(found).is_some_and(|uid| uid == wanted)
}

impl Selector {
    /// True when the processes that it selects may change by themselves.
    #[must_use]
    pub fn follows(&self) -> bool {
        if self.all { !self.exclude.is_empty() } else { !self.select.is_empty() }
    }

    fn names_id(&self, pid: u32) -> bool {
        self.select.ids.contains(&pid) || self.exclude.ids.contains(&pid)
    }

    fn selects(&self, process: &Process, by_id: bool) -> bool {
        let container = process.container().map(AsRef::as_ref);
        let within = |parts: &Parts| container.is_some_and(|container| parts.container(container));
        (self.all || self.select.process(process, by_id) || within(&self.select))
            && !self.exclude.process(process, by_id)
            && !within(&self.exclude)
    }
}

/// A selector with what it selects; kept up to date process by process.
#[derive(Debug)]
pub struct Selection {
    selector: Selector,
    selected: BTreeMap<u32, Arc<Process>>,
    /// Start of the process that an id of the selector means: the first that was seen with it.
    meant: BTreeMap<u32, u64>,
}

impl Selection {
    /// Selects nothing until it is told of processes.
    #[must_use]
    pub fn new(selector: Selector) -> Self {
        Self { selector, selected: BTreeMap::new(), meant: BTreeMap::new() }
    }

    /// What selects.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Looks at those that changed, as they were last seen; true when the selection is not as it was.
    pub fn update(&mut self, changed: &Changed, processes: &Processes) -> bool {
        if !self.selector.follows() {
            return false;
        }
        if changed.all {
            return self.select_anew(processes);
        }
        let mut differs = false;
        for pid in &changed.pids {
            let now = processes.seen(*pid).filter(|process| self.selects(process));
            let before = self.selected.remove(pid);
            differs |= before.as_ref().map(Arc::as_ptr) != now.as_ref().map(Arc::as_ptr);
            self.selected.extend(now.map(|process| (*pid, process)));
        }
        differs
    }

    /// An id means one process: whoever gets it later is another.
    fn selects(&mut self, process: &Process) -> bool {
        let by_id = self.selector.names_id(process.pid)
            && *self.meant.entry(process.pid).or_insert(process.start_ticks) == process.start_ticks;
        self.selector.selects(process, by_id)
    }

    fn select_anew(&mut self, processes: &Processes) -> bool {
        let mut selected = BTreeMap::new();
        processes.each(|process| {
            if self.selects(process) {
                selected.insert(process.pid, Arc::clone(process));
            }
        });
        let before = std::mem::replace(&mut self.selected, selected);
        let same = |(before, now): (&Arc<Process>, &Arc<Process>)| Arc::ptr_eq(before, now);
        before.len() != self.selected.len() || !before.values().zip(self.selected.values()).all(same)
    }

    /// What it means now.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if !self.selector.follows() {
            return Scope { all: self.selector.all, ..Scope::default() };
        }
        let mut containers = BTreeMap::new();
        for container in self.selected.values().filter_map(|process| process.container()) {
            if self.selector.all || self.selector.select.container(container) {
                containers.insert(container.id.as_str(), container);
            }
        }
        let containers = containers.into_values().map(|container| control::Container {
            id: container.id.clone(),
            cgroup_id: container.group.inode,
            cgroup_path: container.group.path.clone(),
        });
        let processes = self.selected.values().map(|process| control::Process {
            pid: process.pid,
            start_time: process.start_ticks,
            comm: process.names().0.to_owned(),
            container_id: process.container().map_or(String::new(), |container| container.id.clone()),
        });
        Scope { all: false, processes: processes.collect(), containers: containers.collect() }
    }
}

#[cfg(test)]
mod tests;
