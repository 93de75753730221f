//! What was set at run time over the file: key by key, so that the later change of a key wins.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::keys::PROBE;
use super::kind::Value;
use super::load::{Loaded, parse_probes};
use super::model::{Config, ProbeConfig};
use super::problem::Problems;
use super::setting::Setting;

/// Keys of a probe with their values: `state`, `items`, `scope`, and `params.NAME` for each parameter.
pub type Settings = BTreeMap<String, Value>;

const PARAMS: &str = "params";

/// Settings by probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overlay(BTreeMap<String, Settings>);

/// Every key of a probe, those that are not set with their defaults.
#[must_use]
pub fn settings_of(probe: &ProbeConfig) -> Settings {
    let plain = PROBE.iter().filter(|key| key.field.name != PARAMS);
    let plain = plain.map(|key| (key.field.name.to_owned(), (key.get)(probe)));
    let params = probe.params.iter().map(|(name, value)| (format!("{PARAMS}.{name}"), value.to_value()));
    plain.chain(params).collect()
}

/// Sets keys of a probe.
fn put(probe: &mut ProbeConfig, settings: &Settings) {
    for (name, value) in settings {
        if let Some(param) = name.strip_prefix("params.") {
            let value = Setting::from_value(value.clone());
            probe.params.extend(value.map(|value| (param.to_owned(), value)));
        } else if let Some(key) = PROBE.iter().find(|key| key.field.name == name) {
            (key.set)(probe, value.clone());
        }
    }
}

impl Overlay {
    /// What was set of a probe.
    #[must_use]
    pub fn of(&self, probe: &str) -> Option<&Settings> {
        self.0.get(probe)
    }

    /// All probes and keys.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let keys = |(probe, settings)| {
            let probe: &String = probe;
            let settings: &Settings = settings;
            settings.iter().map(|(key, value)| (probe.as_str(), key.as_str(), value))
        };
        self.0.iter().flat_map(keys)
    }

    /// Sets a key, or forgets it.
    pub fn set(&mut self, probe: &str, key: &str, value: Option<Value>) {
        match value {
            Some(value) => {
                self.0.entry(probe.to_owned()).or_default().insert(key.to_owned(), value);
            }
            None => {
                if let Some(settings) = self.0.get_mut(probe) {
                    settings.remove(key);
                }
                self.0.retain(|_, settings| !settings.is_empty());
            }
        }
    }

    /// The configuration with these settings over it.
    #[must_use]
    pub fn over(&self, config: &Config) -> Config {
        let mut config = config.clone();
        for (probe, settings) in &self.0 {
            put(config.probes.entry(probe.clone()).or_default(), settings);
        }
        config
    }

    /// Forgets the keys that two configurations say different things about; returns their full names.
    pub fn forget_changed(&mut self, old: &Config, new: &Config) -> Vec<String> {
        let mut forgotten = Vec::new();
        for (probe, settings) in &mut self.0 {
            let (old, new) = (said(old, probe), said(new, probe));
            settings.retain(|key, _| {
                let same = old.get(key) == new.get(key);
                if !same {
                    forgotten.push(format!("probe.{probe}.{key}"));
                }
                same
            });
        }
        self.0.retain(|_, settings| !settings.is_empty());
        forgotten
    }

    /// The text to keep: the settings, and what the configuration says of the same keys now. With that a later start
    /// sees what was edited meanwhile.
    #[must_use]
    pub fn render(&self, config: &Config) -> String {
        let mut out = String::from(
            "# What was set at run time, in [probe.NAME] as in gala-gopher.conf. It holds over that file, but a key that \
             is\n# changed there later wins. The agent replaces this file at every change. Without it gala-gopher.conf \
             alone holds.\n",
        );
        for (probe, settings) in &self.0 {
            section(&mut out, &format!("probe.{probe}"), settings.iter());
        }
        out.push_str(
            "\n# What gala-gopher.conf said of these keys at the last change, in [file.probe.NAME]; what is missing had \
             its\n# default. It sets nothing: by it the agent sees which keys were edited there while it did not run.\n",
        );
        for (probe, settings) in &self.0 {
            let before = said(config, probe);
            let default = settings_of(&ProbeConfig::default());
            let set = before
                .iter()
                .filter(|(key, value)| settings.contains_key(*key) && default.get(*key) != Some(value));
            section(&mut out, &format!("{BASE}.probe.{probe}"), set);
        }
        out
    }

    /// Reads what [`Overlay::render`] wrote, without the keys that `config` says something else about than it did then;
    /// these come back by their full names.
    ///
    /// # Errors
    /// Every problem of the text.
    pub fn parse(text: &str, path: &Path, config: &Config) -> Result<(Self, Vec<String>), Problems> {
        let [set, base] = parse_probes(text, path, ["", BASE])?;
        let mut overlay = Self::default();
        for (probe, values) in &set.config.probes {
            let present = settings_of(values).into_iter().filter(|(key, _)| is_written(&set, probe, key));
            overlay.0.insert(probe.clone(), present.collect());
        }
        let forgotten = overlay.forget_changed(&base.config, config);
        Ok((overlay, forgotten))
    }
}

/// The part of the file with what the configuration said.
const BASE: &str = "file";

fn is_written(loaded: &Loaded, probe: &str, key: &str) -> bool {
    loaded.lines.contains_key(&format!("probe.{probe}.{key}"))
}

fn said(config: &Config, probe: &str) -> Settings {
    config.probes.get(probe).map_or_else(|| settings_of(&ProbeConfig::default()), settings_of)
}

fn section<'a>(out: &mut String, name: &str, settings: impl Iterator<Item = (&'a String, &'a Value)>) {
    let lines: String = settings.fold(String::new(), |mut lines, (key, value)| {
        // A string cannot refuse.
        writeln!(lines, "{key} = {value}").ok();
        lines
    });
    if !lines.is_empty() {
        out.push_str(&format!("\n[{name}]\n{lines}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        super::super::parse(text, Path::new("conf"), Config::default()).unwrap().config
    }

    fn overlay(keys: &[(&str, Value)]) -> Overlay {
        let mut overlay = Overlay::default();
        keys.iter().for_each(|(key, value)| overlay.set("tcp", key, Some(value.clone())));
        overlay
    }

    fn full() -> Overlay {
        overlay(&[
            ("state", Value::Text("running".into())),
            ("items", Value::List(vec![Value::Text("rtt".into())])),
            ("params.report_period", Value::Integer(7)),
            ("params.dev_name", Value::Text("a\"\\\nb".into())),
            ("scope", Value::Table(BTreeMap::new())),
        ])
    }

    const FILE: &str = "[probe.tcp]\nparams = { report_period = 30, other = 1 }\nscope = { proc_id = [7] }\n";

    #[test]
    fn what_is_kept_comes_back() {
        let (file, overlay) = (config(FILE), full());
        let text = overlay.render(&file);
        let back = Overlay::parse(&text, Path::new("runtime.toml"), &file).unwrap();
        assert_eq!(back, (overlay, Vec::new()), "{text}");
    }

    #[test]
    fn settings_hold_over_the_file() {
        let running = full().over(&config(FILE));
        let tcp = &running.probes["tcp"];
        assert_eq!((tcp.params["report_period"].as_u64(), tcp.params["other"].as_u64()), (Some(7), Some(1)));
        assert_eq!((tcp.items.as_deref(), tcp.scope.is_none()), (Some(&["rtt".to_owned()][..]), true));
    }

    #[test]
    fn a_later_edit_of_a_key_wins_and_only_there() {
        let (file, edited) = (config(FILE), config(&FILE.replace("30", "40")));
        let mut overlay = full();
        let text = overlay.render(&file);
        assert_eq!(overlay.forget_changed(&file, &edited), ["probe.tcp.params.report_period"]);
        let (later, forgotten) = Overlay::parse(&text, Path::new("runtime.toml"), &edited).unwrap();
        assert_eq!(forgotten, ["probe.tcp.params.report_period"]);
        assert_eq!(later, overlay);
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused() {
        for text in
            ["[agent]\n", "[probe.tcp]\nstate = 1", "x", "[file]\nprobe = 1", "[probe.tcp]\ncolour = 1"]
        {
            assert!(Overlay::parse(text, Path::new("runtime.toml"), &Config::default()).is_err(), "{text}");
        }
    }
}
