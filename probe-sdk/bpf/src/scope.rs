//! Keeps the map of `gopher/scope.h` as the agent's configuration says.

use std::collections::BTreeSet;

use libbpf_rs::{MapCore as _, MapFlags, MapHandle, MapImpl};
use probe_sdk::protocol::control::Scope;

/// The processes that programs take to be in scope.
pub struct ScopeMap {
    map: MapHandle,
    held: BTreeSet<u32>,
    left_out: u64,
}

impl ScopeMap {
    /// Takes the map `scope`.
    ///
    /// # Errors
    /// When its descriptor cannot be copied.
    pub fn new(map: &MapImpl<'_>) -> libbpf_rs::Result<Self> {
        Ok(Self { map: MapHandle::try_from(map)?, held: BTreeSet::new(), left_out: 0 })
    }

    /// Brings the map to what these scopes select together, by the changes alone. True where one of them is the whole
    /// host: the caller sets `scope_all` to that.
    ///
    /// # Errors
    /// When the kernel refuses a change for another reason than lack of room.
    pub fn sync<'a>(&mut self, scopes: impl IntoIterator<Item = &'a Scope>) -> libbpf_rs::Result<bool> {
        let mut wanted = BTreeSet::new();
        let mut all = false;
        for scope in scopes {
            all |= scope.all;
            wanted.extend(scope.processes.iter().map(|process| process.pid));
        }
        for gone in self.held.difference(&wanted) {
            self.map.delete(&gone.to_ne_bytes())?;
        }
        self.held.retain(|held| wanted.contains(held));
        for new in wanted {
            if self.held.contains(&new) {
                continue;
            }
            if self.held.len() < self.map.max_entries() as usize {
                self.map.update(&new.to_ne_bytes(), &[1], MapFlags::ANY)?;
                self.held.insert(new);
            } else if !all {
                self.left_out += 1;
            }
        }
        Ok(all)
    }

    /// How often a process found no room in the map, since the start.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}
