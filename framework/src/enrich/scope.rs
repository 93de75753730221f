//! From selectors to processes: what a probe is told to observe. Reads /proc; a probe never sees a pattern.

use std::collections::HashMap;
use std::sync::Arc;

use gopher_protocol::control::{Process, Scope};
use regex::Regex;

use super::processes::{Identity, Processes};

/// What selects processes; the union of its parts.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// The whole host.
    pub all: bool,
    /// These ids.
    pub ids: Vec<u32>,
    /// Those whose name and command line fit.
    pub names: Vec<Name>,
}

/// A pattern for processes.
#[derive(Clone, Debug)]
pub struct Name {
    /// Searched in the process's name.
    pub comm: Regex,
    /// Text that the command line contains; empty = any.
    pub cmdline: String,
}

impl Selector {
    /// True when the processes that it selects may change by themselves.
    #[must_use]
    pub fn follows(&self) -> bool {
        !(self.all || self.ids.is_empty() && self.names.is_empty())
    }

    fn selects(&self, process: &Identity) -> bool {
        self.ids.contains(&process.pid)
            || self.names.iter().any(|name| {
                name.comm.is_match(&process.comm)
                    && (name.cmdline.is_empty() || process.cmdline.contains(&name.cmdline))
            })
    }
}

/// Keeps a picture of all processes, so that a look costs one small read per process that was there before.
#[derive(Debug, Default)]
pub struct Resolver {
    known: HashMap<u32, Arc<Identity>>,
}

impl Resolver {
    /// Looks at all processes now.
    pub fn look(&mut self, processes: &Processes) {
        let mut now = HashMap::with_capacity(self.known.len());
        for pid in processes.pids() {
            if let Some(process) = processes.identify(pid, self.known.get(&pid)) {
                now.insert(pid, process);
            }
        }
        self.known = now;
    }

    /// What the selector means as of the last look.
    #[must_use]
    pub fn resolve(&self, selector: &Selector) -> Scope {
        if selector.all {
            return Scope { all: true, ..Scope::default() };
        }
        let mut selected: Vec<_> = self.known.values().filter(|process| selector.selects(process)).collect();
        selected.sort_by_key(|process| process.pid);
        let processes = selected.into_iter().map(|process| Process {
            pid: process.pid,
            start_time: process.start_ticks,
            comm: process.comm.clone(),
            container_id: String::new(),
        });
        Scope { processes: processes.collect(), ..Scope::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn write(root: &Path, pid: u32, comm: &str, cmdline: &str, start: u64) {
        let folder = root.join(format!("proc/{pid}"));
        fs::create_dir_all(&folder).unwrap();
        let stat = format!("{pid} ({comm}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0\n");
        fs::write(folder.join("stat"), stat).unwrap();
        fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
        fs::write(folder.join("cmdline"), cmdline.replace(' ', "\0")).unwrap();
    }

    fn pids(scope: &Scope) -> Vec<u32> {
        scope.processes.iter().map(|process| process.pid).collect()
    }

    #[test]
    fn names_select_by_pattern_and_command_line_and_follow_change() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 10, "nginx", "nginx: master", 1);
        write(root.path(), 11, "my prog (x)", "/bin/prog --serve", 1);
        write(root.path(), 12, "java", "java -jar b.jar", 1);
        let processes = Processes::new(root.path());
        let mut resolver = Resolver::default();
        resolver.look(&processes);
        let name = |comm: &str, cmdline: &str| Selector {
            names: vec![Name { comm: Regex::new(comm).unwrap(), cmdline: cmdline.into() }],
            ..Selector::default()
        };
        assert_eq!(pids(&resolver.resolve(&name("^nginx$", ""))), [10]);
        assert_eq!(pids(&resolver.resolve(&name("my prog", "--serve"))), [11]);
        assert_eq!(pids(&resolver.resolve(&name("java", "a.jar"))), Vec::<u32>::new());
        write(root.path(), 10, "sh", "sh", 1);
        write(root.path(), 13, "nginx", "nginx", 5);
        resolver.look(&processes);
        assert_eq!(
            pids(&resolver.resolve(&name("^nginx$", ""))),
            [13],
            "a new name counts, the old one does not"
        );
    }

    #[test]
    fn everything_is_one_word_and_ids_need_a_process() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), 10, "a", "a", 1);
        let mut resolver = Resolver::default();
        resolver.look(&Processes::new(root.path()));
        let all = Selector { all: true, ..Selector::default() };
        assert!(resolver.resolve(&all).all && !all.follows());
        let ids = Selector { ids: vec![10, 99], ..Selector::default() };
        assert_eq!(pids(&resolver.resolve(&ids)), [10]);
    }
}
