//! The desired state as probes ask for it: items, parameters, scope, with the manifest's defaults.

use std::time::Duration;

use gopher_protocol::control::{ConfigMessage, ProbeConfig, Scope};
use gopher_protocol::manifest::Manifest;
use gopher_protocol::table::Table;
use serde_json::Value;

/// What this process is to do, as of the last configuration line.
#[derive(Debug)]
pub struct Config {
    manifest: Manifest,
    message: ConfigMessage,
}

/// One probe (REST name) that is to run.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Its REST name.
    pub name: &'a str,
    config: &'a ProbeConfig,
    manifest: &'a Manifest,
}

impl Config {
    /// Nothing runs before the first message.
    pub(crate) fn new(manifest: Manifest) -> Self {
        Self { manifest, message: ConfigMessage::default() }
    }

    /// Takes a message in; true when more than the scope has changed.
    pub(crate) fn replace(&mut self, message: ConfigMessage) -> bool {
        let old = &self.message.probes;
        let same = old.len() == message.probes.len()
            && old.iter().zip(&message.probes).all(|((old_name, old), (name, new))| {
                old_name == name && old.items == new.items && old.params == new.params
            });
        self.message = message;
        !same
    }

    /// The manifest of this folder.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A probe of this folder that is to run; `None` while it is off.
    #[must_use]
    pub fn probe(&self, name: &str) -> Option<Running<'_>> {
        let (name, config) = self.message.probes.get_key_value(name)?;
        Some(Running { name, config, manifest: &self.manifest })
    }

    /// All probes of this folder that are to run.
    pub fn running(&self) -> impl Iterator<Item = Running<'_>> {
        let of = |(name, config)| Running { name: String::as_str(name), config, manifest: &self.manifest };
        self.message.probes.iter().map(of)
    }

    /// The shortest report period of the probes that run; `None` when none does or none has one.
    pub(crate) fn period(&self) -> Option<Duration> {
        let seconds = self.running().filter_map(|probe| probe.param_f64("report_period"));
        let shortest = seconds.filter(|seconds| *seconds > 0.0).reduce(f64::min)?;
        Duration::try_from_secs_f64(shortest).ok()
    }

    /// Which fields of a table are to be sent: those without an item and those whose item is on. `None` when the
    /// table's probe is off or no field with a value is left.
    pub(crate) fn wanted(&self, table: &Table) -> Option<Vec<bool>> {
        let probe = self.probe(&table.probe)?;
        let wanted: Vec<bool> =
            table.fields.iter().map(|f| f.item.as_ref().is_none_or(|item| probe.item(item))).collect();
        let any = table.fields.iter().zip(&wanted).any(|(field, wanted)| *wanted && !field.kind.is_label());
        any.then_some(wanted)
    }
}

impl<'a> Running<'a> {
    /// True when the item is on.
    #[must_use]
    pub fn item(&self, name: &str) -> bool {
        self.config.items.iter().any(|item| item == name)
    }

    /// Whom to observe.
    #[must_use]
    pub fn scope(&self) -> &'a Scope {
        &self.config.scope
    }

    /// A parameter's value, its default where nothing was set.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a Value> {
        let default = || Some(&self.manifest.probe(self.name)?.params.get(name)?.default);
        self.config.params.get(name).or_else(default)
    }

    /// A parameter that is a number.
    #[must_use]
    pub fn param_f64(&self, name: &str) -> Option<f64> {
        self.param(name)?.as_f64()
    }

    /// A parameter that is a whole number.
    #[must_use]
    pub fn param_u64(&self, name: &str) -> Option<u64> {
        self.param(name)?.as_u64()
    }

    /// A parameter that is a string.
    #[must_use]
    pub fn param_str(&self, name: &str) -> Option<&'a str> {
        self.param(name)?.as_str()
    }
}
