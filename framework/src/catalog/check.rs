//! The part of the configuration's check that needs the catalog: probes, items and parameters that the manifests know.

use gopher_protocol::manifest::Probe;

use super::Catalog;
use crate::config::{Loaded, ProbeConfig, Problem, nearest};

/// A finding about a `[probe.NAME]` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// No folder serves this probe now; one may come later, so a running agent only warns.
    NotInstalled(Problem),
    /// The manifest contradicts the section.
    Wrong(Problem),
}

/// Checks every `[probe.NAME]` section against the manifests, in the order of names.
pub fn check_probes(loaded: &Loaded, catalog: &Catalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, config) in &loaded.config.probes {
        let section = format!("probe.{name}");
        match catalog.probe(name) {
            Some((_, probe)) => check_probe(loaded, &section, config, probe, &mut findings),
            None => {
                let hint = hint(name, catalog.probe_names());
                let message = format!("no folder serves a probe of this name{hint}");
                findings.push(Finding::NotInstalled(problem(loaded, &section, message)));
            }
        }
    }
    findings
}

fn check_probe(loaded: &Loaded, section: &str, config: &ProbeConfig, probe: &Probe, out: &mut Vec<Finding>) {
    let items = || probe.items.iter().map(|i| i.name.as_str());
    for item in config.items.iter().flatten().filter(|i| !items().any(|known| known == *i)) {
        let message = format!("unknown item{}; {}", hint(item, items()), allowed("item", items()));
        out.push(Finding::Wrong(problem(loaded, &format!("{section}.items.{item}"), message)));
    }
    let params = || probe.params.keys().map(String::as_str);
    for (name, value) in &config.params {
        let message = match probe.params.get(name) {
            None => format!("unknown parameter{}; {}", hint(name, params()), allowed("parameter", params())),
            Some(param) => match param.check(value) {
                Ok(()) => continue,
                Err(reason) => format!("found {value}, {reason}"),
            },
        };
        out.push(Finding::Wrong(problem(loaded, &format!("{section}.params.{name}"), message)));
    }
}

fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default()
}

fn allowed<'a>(what: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        format!("the probe has no {what}")
    } else {
        format!("allowed: {}", known.join(", "))
    }
}

fn problem(loaded: &Loaded, key: &str, message: String) -> Problem {
    let line = loaded.lines.get(key).copied().unwrap_or(0);
    Problem { file: loaded.file.clone(), line, key: key.to_owned(), message }
}
