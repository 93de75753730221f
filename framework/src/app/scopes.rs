//! The scopes of all probes: selectors from the configuration, processes from /proc.

use std::collections::BTreeMap;
use std::path::Path;

use gopher_protocol::control::Scope;
use regex::Regex;

use crate::config::{self, Config};
use crate::enrich::Processes;
use crate::enrich::scope::{Name, Resolver, Selector};

/// Selectors by probe, and the last look at the processes.
pub(super) struct Scopes {
    processes: Processes,
    resolver: Resolver,
    selectors: BTreeMap<String, Selector>,
}

impl Scopes {
    pub(super) fn new(host_path: &Path) -> Self {
        Self {
            processes: Processes::new(host_path),
            resolver: Resolver::default(),
            selectors: BTreeMap::new(),
        }
    }

    /// Takes the selectors of these probes from the configuration and looks at the processes.
    pub(super) fn configure<'a>(&mut self, config: &Config, probes: impl Iterator<Item = &'a str>) {
        let of = |name: &str| config.scope_of(name).map(|scope| (name.to_owned(), selector(&scope)));
        self.selectors = probes.filter_map(of).collect();
        self.look();
    }

    /// True when some scope can change by itself.
    pub(super) fn follow(&self) -> bool {
        self.selectors.values().any(Selector::follows)
    }

    /// Looks at the processes again.
    pub(super) fn look(&mut self) {
        if self.follow() {
            self.resolver.look(&self.processes);
        }
    }

    /// The scope of a probe as of the last look; empty where nothing selects anything.
    pub(super) fn of(&self, probe: &str) -> Scope {
        self.selectors.get(probe).map_or_else(Scope::default, |selector| self.resolver.resolve(selector))
    }
}

fn selector(scope: &config::Scope) -> Selector {
    // The configuration's check has compiled each pattern before.
    let name = |name: &config::ProcName| {
        Some(Name { comm: Regex::new(&name.comm).ok()?, cmdline: name.cmdline.clone() })
    };
    Selector {
        all: scope.all,
        ids: scope.select.proc_id.clone(),
        names: scope.select.proc_name.iter().filter_map(name).collect(),
    }
}
