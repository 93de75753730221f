//! What is asked of a probe once configuration and manifest are put together. Pure.

use std::collections::BTreeMap;

use gopher_protocol::manifest::{Param, Probe};
use serde_json::Value;

use crate::config::{Config, ProbeState};

/// What is asked of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Whether it is to run.
    pub running: bool,
    /// The items that are on, in the manifest's order.
    pub items: Vec<String>,
    /// Every parameter of the manifest.
    pub params: BTreeMap<String, Value>,
}

/// Puts configuration and manifest together. What the manifest does not allow gives way to its default.
#[must_use]
pub fn resolve(config: &Config, probe: &Probe) -> Resolved {
    let asked = config.probes.get(&probe.name);
    let running = match asked.map(|asked| asked.state).unwrap_or_default() {
        ProbeState::Auto => probe.autostart,
        ProbeState::Running => true,
        ProbeState::Stopped => false,
    };
    let known = || probe.items.iter().map(|item| item.name.clone());
    let items = match asked.and_then(|asked| asked.items.as_ref()) {
        Some(items) => known().filter(|name| items.contains(name)).collect(),
        None => known().collect(),
    };
    let value = |name: &String, param: &Param| {
        let set = asked.and_then(|asked| asked.params.get(name)).filter(|value| param.check(value).is_ok());
        set.unwrap_or(&param.default).clone()
    };
    let params = probe.params.iter().map(|(name, param)| (name.clone(), value(name, param))).collect();
    Resolved { running, items, params }
}
