//! What differs between two configurations, key by key, so that only what changed is touched.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{PROBE, SECTIONS};
use super::model::{Config, ProbeConfig};

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Its section, such as `export.prometheus`.
    pub section: &'static str,
    /// Its name in the section.
    pub key: &'static str,
    /// The value before, as TOML.
    pub from: String,
    /// The value now, as TOML.
    pub to: String,
    /// Whether the change waits for the next start of the agent.
    pub restart: bool,
}

impl std::fmt::Display for KeyChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}: {} -> {}", self.section, self.key, self.from, self.to)?;
        if self.restart { f.write_str(" (takes effect after a restart)") } else { Ok(()) }
    }
}

/// The difference between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys of the fixed sections.
    pub keys: Vec<KeyChange>,
    /// Keys of `[probe.NAME]` sections by probe; a section that came or went counts with its keys that differ
    /// from the defaults.
    pub probes: BTreeMap<String, BTreeSet<&'static str>>,
    /// Whether the whitelist differs, which changes the scope of every probe that sets none.
    pub whitelist: bool,
}

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.probes.is_empty() && !self.whitelist
    }

    /// Whether a key of this section differs that can change at run time.
    pub fn touches(&self, section: &str) -> bool {
        self.keys.iter().any(|k| k.section == section && !k.restart)
    }

    /// The changes that wait for the next start of the agent.
    pub fn waiting(&self) -> impl Iterator<Item = &KeyChange> {
        self.keys.iter().filter(|k| k.restart)
    }
}

/// Compares two configurations.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let mut changes = Changes { whitelist: old.whitelist != new.whitelist, ..Changes::default() };
    for section in SECTIONS {
        for key in section.keys {
            let (from, to) = ((key.get)(old), (key.get)(new));
            if from != to {
                let (from, to) = (from.to_string(), to.to_string());
                let (section, restart) = (section.name, key.restart);
                changes.keys.push(KeyChange { section, key: key.field.name, from, to, restart });
            }
        }
    }
    let default = ProbeConfig::default();
    for name in old.probes.keys().chain(new.probes.keys()) {
        let (before, after) =
            (old.probes.get(name).unwrap_or(&default), new.probes.get(name).unwrap_or(&default));
        let differs = PROBE.iter().filter(|key| (key.get)(before) != (key.get)(after));
        let keys: BTreeSet<_> = differs.map(|key| key.field.name).collect();
        if !keys.is_empty() {
            changes.probes.insert(name.clone(), keys);
        }
    }
    changes
}

/// Copies the keys that cannot change at run time from the running configuration into a new one, so that the
/// new one says what really holds.
pub fn keep_restart_keys(running: &Config, new: &mut Config) {
    for key in SECTIONS.iter().flat_map(|s| s.keys).filter(|k| k.restart) {
        (key.set)(new, (key.get)(running));
    }
}
