//! From the document of a request to settings: everything is checked against the probe's manifest, nothing is applied.
//!
//! To take another part of the document in, add its name to [`PARTS`] and a method to [`Reader`].

use std::collections::BTreeMap;

use gopher_protocol::manifest::Probe;
use serde_json::{Map, Value as Json, json};

use super::known;
use crate::config::json::{Issue, describe, join, read_scope, selectors};
use crate::config::overlay::settings_of;
use crate::config::{ProbeConfig, ProbeState, Scope, Selectors, Settings};

/// What may stand at the top of a document.
const PARTS: [&str; 6] = ["cmd", "snoopers", "blacklist", "params", "state", "persist"];

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The keys to set; empty where nothing is to change.
    pub settings: Settings,
    /// Whether they hold over a restart of the agent.
    pub persist: bool,
    /// What was understood and is without effect.
    pub warnings: Vec<Warning>,
}

/// Something without effect.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// Where it stands.
    pub path: String,
    /// Why it has no effect.
    pub message: String,
}

/// Reads a document for a probe.
///
/// # Errors
/// Everything that is wrong with it.
pub fn wanted(document: &Json, probe: &Probe) -> Result<Wanted, Vec<Issue>> {
    let Json::Object(parts) = document else {
        return Err(vec![Issue::new("", document, format!("an object with the keys {}", PARTS.join(", ")))]);
    };
    let mut reader = Reader {
        probe,
        asked: ProbeConfig::default(),
        keys: Vec::new(),
        warnings: Vec::new(),
        issues: Vec::new(),
    };
    for name in parts.keys().filter(|name| !PARTS.contains(&name.as_str())) {
        reader.issues.push(Issue::unknown("", name, PARTS.into_iter()));
    }
    reader.object(parts, "cmd", Reader::cmd);
    reader.scope(parts);
    reader.object(parts, "params", Reader::params);
    reader.state(parts.get("state"));
    let persist = reader.flag(parts.get("persist"));
    let Reader { asked, keys, warnings, issues, .. } = reader;
    if !issues.is_empty() {
        return Err(issues);
    }
    let mut settings = settings_of(&asked);
    settings.retain(|key, _| keys.contains(&key.as_str()) || key.starts_with("params."));
    Ok(Wanted { settings, persist, warnings })
}

struct Reader<'a> {
    probe: &'a Probe,
    /// What is asked for.
    asked: ProbeConfig,
    /// The keys of `asked` that the document has; of parameters it has no others.
    keys: Vec<&'static str>,
    warnings: Vec<Warning>,
    issues: Vec<Issue>,
}

impl Reader<'_> {
    fn warn(&mut self, path: String, message: impl Into<String>) {
        self.warnings.push(Warning { path, message: message.into() });
    }

    /// Hands on a part that must be an object, where the document has it.
    fn object(&mut self, parts: &Map<String, Json>, name: &str, read: fn(&mut Self, &Map<String, Json>)) {
        match parts.get(name) {
            None => {}
            Some(Json::Object(part)) => read(self, part),
            Some(other) => self.issues.push(Issue::new(name, other, "an object")),
        }
    }

    fn cmd(&mut self, cmd: &Map<String, Json>) {
        for (name, value) in cmd {
            match (name.as_str(), value) {
                ("probe", Json::Array(items)) => self.items(items),
                ("probe", other) => self.issues.push(Issue::new("cmd.probe", other, "a list of items")),
                // What the original showed it had to be sent back to.
                ("bin", Json::String(_)) => {}
                ("bin", other) => {
                    self.issues.push(Issue::new("cmd.bin", other, "a string, which is not read"));
                }
                _ => self.issues.push(Issue::unknown("cmd", name, ["probe", "bin"].into_iter())),
            }
        }
    }

    fn items(&mut self, items: &[Json]) {
        let probe = self.probe;
        let known = || probe.items.iter().map(|item| item.name.as_str());
        let (mut on, mut gone) = (Vec::new(), 0);
        for (at, item) in items.iter().enumerate() {
            let path = format!("cmd.probe[{at}]");
            let found = item.as_str().map(|typed| known().find(|name| name.eq_ignore_ascii_case(typed)));
            match found {
                Some(Some(name)) => on.push(name),
                Some(None) if item.as_str().is_some_and(|item| known::is_item(&probe.name, item)) => {
                    gone += 1;
                    self.warn(path, format!("{} has no such item any more", probe.name));
                }
                Some(None) if probe.items.is_empty() => {
                    let allowed = format!("an empty list: {} has no items", probe.name);
                    self.issues.push(Issue::new(path, item, allowed));
                }
                _ => self.issues.push(Issue::new(path, item, known().collect::<Vec<_>>().join(", "))),
            }
        }
        if items.is_empty() && !probe.items.is_empty() {
            let allowed = format!(
                "at least one of {}, or \"state\": \"stopped\"",
                known().collect::<Vec<_>>().join(", ")
            );
            self.issues.push(Issue { path: "cmd.probe".into(), found: "an empty list".into(), allowed });
        } else if gone > 0 && gone == items.len() {
            let message = format!(
                "{} has none of these items: nothing is switched on, what is on stays on",
                probe.name
            );
            self.warn("cmd.probe".to_owned(), message);
        } else if !items.is_empty() {
            self.asked.items = Some(known().filter(|name| on.contains(name)).map(str::to_owned).collect());
            self.keys.push("items");
        }
    }

    fn params(&mut self, params: &Map<String, Json>) {
        let own = || self.probe.params.keys().map(String::as_str);
        let mut set = BTreeMap::new();
        let (mut issues, mut unused) = (Vec::new(), Vec::new());
        for (name, value) in params {
            match self.probe.params.get(name) {
                Some(param) if param.check(value).is_ok() => {
                    set.insert(name.clone(), value.clone());
                }
                Some(param) => issues.push(Issue::new(join("params", name), value, param.allowed())),
                None if known::PARAMS.contains(&name.as_str()) => unused.push(join("params", name)),
                None => issues.push(Issue::unknown("params", name, own())),
            }
        }
        self.asked.params = set;
        self.issues.extend(issues);
        let message = format!("{} does not use this parameter", self.probe.name);
        unused.into_iter().for_each(|path| self.warn(path, message.clone()));
    }

    fn state(&mut self, state: Option<&Json>) {
        let Some(value) = state else { return };
        let typed = value.as_str().unwrap_or_default();
        let states = [("running", ProbeState::Running), ("stopped", ProbeState::Stopped)];
        match states.iter().find(|(name, _)| name.eq_ignore_ascii_case(typed)) {
            Some((_, state)) => {
                self.asked.state = *state;
                self.keys.push("state");
            }
            None => self.issues.push(Issue::new("state", value, "\"running\" or \"stopped\"")),
        }
    }

    fn flag(&mut self, flag: Option<&Json>) -> bool {
        match flag {
            None => true,
            Some(Json::Bool(value)) => *value,
            Some(other) => {
                self.issues.push(Issue::new("persist", other, "true or false"));
                true
            }
        }
    }

    /// `snoopers` select; `blacklist` observes all but what it selects. Whichever is sent replaces the whole scope.
    fn scope(&mut self, parts: &Map<String, Json>) {
        let snoopers = self.selection(parts, "snoopers");
        let blacklist = self.selection(parts, "blacklist");
        let scope = match (snoopers, blacklist) {
            (None, None) => return,
            (Some(scope), None) => scope,
            (scope, Some(exclude)) => {
                let scope = scope.unwrap_or_default();
                let exclude_is_empty = exclude.select == Selectors::default();
                if scope.selects() && !exclude_is_empty {
                    self.issues.push(Issue {
                        path: "blacklist".into(),
                        found: "what not to observe beside snoopers that select".into(),
                        allowed: "one of both; snoopers.exclude leaves out of what the others select".into(),
                    });
                }
                if scope.selects() { scope } else { Scope { all: true, exclude: exclude.select, ..scope } }
            }
        };
        if self.probe.scope.is_empty() && (scope.selects() || scope.exclude != Selectors::default()) {
            let part = if parts.contains_key("snoopers") { "snoopers" } else { "blacklist" };
            self.warn(part.to_owned(), format!("{} observes the whole host", self.probe.name));
        }
        self.asked.scope = Some(scope).filter(|scope| *scope != Scope::default());
        self.keys.push("scope");
    }

    /// One of the two objects as a scope.
    fn selection(&mut self, parts: &Map<String, Json>, name: &str) -> Option<Scope> {
        let object = match parts.get(name)? {
            Json::Object(object) => self.without_relics(object, name),
            other => {
                self.issues.push(Issue::new(name, other, "an object"));
                return None;
            }
        };
        if name == "blacklist" {
            for key in object.keys().filter(|key| !selectors().any(|known| known == *key)) {
                self.issues.push(Issue::unknown(name, key, selectors()));
            }
        }
        let scope = read_scope(&object, name, &mut self.issues)?;
        Some(scope)
    }

    /// The object without what the original read past.
    fn without_relics(&mut self, object: &Map<String, Json>, path: &str) -> Map<String, Json> {
        let mut object = object.clone();
        let drop =
            |object: &mut Map<String, Json>, names: &[&str], path: &str, warnings: &mut Vec<Warning>| {
                for name in names.iter().filter(|name| object.remove(**name).is_some()) {
                    let message = "no probe reads this any more".to_owned();
                    warnings.push(Warning { path: join(path, name), message });
                }
            };
        drop(&mut object, known::SNOOPERS, path, &mut self.warnings);
        if let Some(Json::Array(names)) = object.get_mut("proc_name") {
            let mut at = 0;
            names.retain_mut(|entry| {
                let path = format!("{path}.proc_name[{at}]");
                at += 1;
                let Json::Object(entry) = entry else { return true };
                drop(entry, known::PROC_NAME, &path, &mut self.warnings);
                let empty = entry.get("comm") == Some(&json!(""));
                if empty {
                    let message = format!("an entry with comm {} selects nothing", describe(&json!("")));
                    self.warnings.push(Warning { path, message });
                }
                !empty
            });
        }
        object
    }
}

#[cfg(test)]
mod tests;
