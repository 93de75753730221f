//! The processes in scope: in which network namespace each is, which sockets it has open, its name.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use gopher_netlink::namespace::Id;
use gopher_procfs::{Folder, Root, process};
use probe_sdk::Context;

use super::track::Owners;
use crate::said::Said;

/// The most network namespaces that are looked at.
const MOST_NAMESPACES: usize = 256;
const UNSEEN: &str = "processes that may not be looked at (needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)";

/// Whom to observe.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    root: Root,
    /// Whole host, or those listed.
    all: bool,
    listed: BTreeSet<u32>,
    folder: Folder,
    /// Namespaces left out for lack of room, since the start.
    pub(crate) no_room: u64,
}

impl Processes {
    pub(crate) fn new(root: Root) -> Self {
        Self { root, ..Self::default() }
    }

    /// Those of either probe.
    pub(crate) fn configure(&mut self, ctx: &Context) {
        let scopes = || ctx.config().running().map(|probe| probe.scope());
        self.all = scopes().any(|scope| scope.all);
        self.listed = scopes().flat_map(|scope| &scope.processes).map(|process| process.pid).collect();
    }

    /// The processes in scope by their network namespaces.
    pub(crate) fn by_namespace(&mut self, said: &mut Said) -> BTreeMap<Id, Vec<u32>> {
        let mut found = BTreeMap::<Id, Vec<u32>>::new();
        for pid in self.in_scope() {
            match Id::of(&self.path(pid, "ns/net")) {
                Ok(id) if found.len() >= MOST_NAMESPACES && !found.contains_key(&id) => self.no_room += 1,
                Ok(id) => found.entry(id).or_default().push(pid),
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    said.failed(UNSEEN, &error);
                }
                // It has ended.
                Err(_) => {}
            }
        }
        found
    }

    fn in_scope(&mut self) -> BTreeSet<u32> {
        if !self.all {
            return self.listed.clone();
        }
        let mut found = BTreeSet::new();
        let number = |name: &[u8]| std::str::from_utf8(name).ok()?.parse::<u32>().ok();
        if let Err(error) = self.folder.names(&self.root.path("/proc"), |name| found.extend(number(name))) {
            probe_sdk::log(format_args!("{}: {error}", self.root.path("/proc").display()));
        }
        found
    }

    /// Which of these processes has which of these sockets open; of several the one with the lowest number, which is
    /// mostly the parent.
    pub(crate) fn owners(&mut self, pids: &[u32], wanted: &HashSet<u32>, said: &mut Said) -> Owners {
        let mut owners = Owners::new();
        for pid in pids.iter().copied() {
            if owners.len() == wanted.len() {
                break;
            }
            let folder = self.path(pid, "fd");
            let told = process::sockets(&mut self.folder, &folder, |inode| {
                if let Some(inode) = u32::try_from(inode).ok().filter(|inode| wanted.contains(inode)) {
                    owners.entry(inode).or_insert(pid);
                }
            });
            match told {
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    said.failed(UNSEEN, &error);
                }
                // It has ended.
                Ok(()) | Err(_) => {}
            }
        }
        owners
    }

    /// Its name; empty once it has ended.
    pub(crate) fn name(&self, pid: u32) -> String {
        let name = std::fs::read(self.path(pid, "comm")).unwrap_or_default();
        String::from_utf8_lossy(name.trim_ascii_end()).into_owned()
    }

    /// A file of a process.
    pub(crate) fn path(&self, pid: u32, file: &str) -> PathBuf {
        self.root.path(format!("/proc/{pid}/{file}"))
    }
}
