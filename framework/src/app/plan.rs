//! From configuration and manifest to what a folder's process is to do. Pure.

use std::collections::BTreeMap;

use gopher_protocol::control::{ProbeConfig, Scope};
use gopher_protocol::manifest::{Manifest, Probe};
use serde_json::Value;

use crate::catalog::{Resolved, resolve};
use crate::config::Config;

/// The parameter that says how often a probe reports, in seconds.
const PERIOD: &str = "report_period";

/// The desired state of each probe of the folder that is to run. `scope` answers for the probes that have one.
pub(crate) fn plan(
    config: &Config,
    manifest: &Manifest,
    scope: impl Fn(&str) -> Scope,
) -> BTreeMap<String, ProbeConfig> {
    let all = manifest.probes.iter().map(|probe| (probe, resolve(config, probe)));
    let wanted = all.filter(|(_, resolved)| resolved.running);
    wanted.map(|(probe, resolved)| (probe.name.clone(), probe_config(probe, resolved, &scope))).collect()
}

fn probe_config(probe: &Probe, resolved: Resolved, scope: impl Fn(&str) -> Scope) -> ProbeConfig {
    let scope =
        if probe.scope.is_empty() { Scope { all: true, ..Scope::default() } } else { scope(&probe.name) };
    ProbeConfig { items: resolved.items, params: resolved.params, scope }
}

/// Milliseconds between two rows of a key, 0 where the probe has no such parameter.
pub(super) fn period(config: &ProbeConfig) -> u64 {
    let seconds = config.params.get(PERIOD).and_then(Value::as_f64).unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates; periods are small"
    )]
    let milliseconds = (seconds * 1000.0) as u64;
    milliseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["x"]
[[probe]]
name = "first"
summary = "s"
autostart = true
[[probe.item]]
name = "a"
summary = "s"
[[probe.item]]
name = "b"
summary = "s"
[probe.params.report_period]
default = 60
range = [5, 600]
[[probe]]
name = "second"
summary = "s"
scope = ["process"]
"#;

    fn configured(text: &str) -> BTreeMap<String, ProbeConfig> {
        let path = std::path::Path::new("test.conf");
        let loaded = crate::config::parse(text, path, Config::default()).unwrap();
        plan(&loaded.config, &Manifest::parse(MANIFEST).unwrap(), |_| Scope::default())
    }

    #[test]
    fn without_configuration_what_starts_by_itself_runs_with_everything_on() {
        let plan = configured("");
        assert_eq!(plan.keys().collect::<Vec<_>>(), ["first"]);
        assert_eq!(plan["first"].items, ["a", "b"]);
        assert_eq!(period(&plan["first"]), 60_000);
        assert!(plan["first"].scope.all);
    }

    #[test]
    fn the_configuration_chooses_state_items_and_parameters() {
        let plan = configured(
            "[probe.first]\nitems = [\"b\"]\nparams = { report_period = 5 }\n[probe.second]\nstate = \"running\"\n",
        );
        assert_eq!(plan["first"].items, ["b"]);
        assert_eq!(period(&plan["first"]), 5000);
        assert!(!plan["second"].scope.all);
        assert!(configured("[probe.first]\nstate = \"stopped\"\n").is_empty());
    }

    #[test]
    fn a_value_that_the_manifest_refuses_gives_way_to_the_default() {
        let plan = configured("[probe.first]\nparams = { report_period = 1 }\n");
        assert_eq!(period(&plan["first"]), 60_000);
    }
}
