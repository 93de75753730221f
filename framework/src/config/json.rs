//! The values of keys as JSON, for requests and answers: the same kinds and rules as in the files.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::kind::{Field, Kind, LIST, Value};
use super::raw::{did_you_mean, quote};
use super::rules::Rule;
use super::scope::{SCOPE, SELECTORS, Scope};
use super::setting::Setting;

/// What is wrong with one place of a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Issue {
    /// Such as `snoopers.proc_name[1].comm`; empty for the whole document.
    pub path: String,
    /// What stands there, shortened.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
}

impl Issue {
    /// A value that does not fit.
    pub fn new(path: impl Into<String>, found: &Json, allowed: impl Into<String>) -> Self {
        Self { path: path.into(), found: describe(found), allowed: allowed.into() }
    }

    /// A name that is none of the known ones.
    pub fn unknown<'a>(path: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Self {
        let hint = did_you_mean(name, known.clone());
        let names: Vec<_> = known.collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        Self { path: join(path, name), found: format!("an unknown name{hint}"), allowed: names }
    }
}

impl std::fmt::Display for Issue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "found {}; allowed: {}", self.found, self.allowed)
    }
}

/// Reads a scope from an object with the keys of `snoopers`; `path` is where that stands.
pub fn read_scope(object: &Map<String, Json>, path: &str, issues: &mut Vec<Issue>) -> Option<Scope> {
    read_record(SCOPE, object, path, issues).and_then(Scope::from_value)
}

/// The keys of a scope that differ from their defaults. The way back is [`read_scope`].
#[must_use]
pub fn write_scope(scope: &Scope) -> Map<String, Json> {
    match write(&scope.to_value()) {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// The names of the keys that select.
pub fn selectors() -> impl Iterator<Item = &'static str> + Clone {
    SELECTORS.iter().map(|field| field.name)
}

/// Reads a value of a kind; each place that does not fit adds an issue, and then there is no value.
fn read(kind: Kind, json: &Json, path: &str, issues: &mut Vec<Issue>) -> Option<Value> {
    let value = match (kind, json) {
        (Kind::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
        (Kind::Integer(least, most), Json::Number(number)) => {
            let number = number.as_u64().filter(|number| (least..=most).contains(number));
            number.and_then(|number| i64::try_from(number).ok()).map(Value::Integer)
        }
        (Kind::Text(rule), Json::String(text)) => return read_text(rule, text, path, issues),
        (Kind::Choice(names), Json::String(text)) => {
            names.contains(&text.as_str()).then(|| Value::Text(text.clone()))
        }
        (Kind::List(_), Json::Array(entries)) if entries.len() > LIST => {
            let found = format!("{} entries", entries.len());
            issues.push(Issue { path: path.to_owned(), found, allowed: format!("at most {LIST}") });
            return None;
        }
        (Kind::List(item), Json::Array(entries)) => {
            let read = |(at, json)| read(*item, json, &format!("{path}[{at}]"), issues);
            let values: Vec<_> = entries.iter().enumerate().map(read).collect();
            return values.into_iter().collect::<Option<_>>().map(Value::List);
        }
        (Kind::Record(fields), Json::Object(object)) => return read_record(fields, object, path, issues),
        (Kind::Map(name, text), Json::Object(object)) => return read_map(name, text, object, path, issues),
        _ => None,
    };
    if value.is_none() {
        issues.push(Issue::new(path, json, kind.expects()));
    }
    value
}

fn read_text(rule: Rule, text: &str, path: &str, issues: &mut Vec<Issue>) -> Option<Value> {
    match rule.check(text) {
        Ok(()) => Some(Value::Text(text.to_owned())),
        Err(detail) => {
            let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            let allowed = format!("{}{detail}", rule.expects());
            issues.push(Issue { path: path.to_owned(), found: quote(text), allowed });
            None
        }
    }
}

fn read_record(
    fields: &'static [Field],
    object: &Map<String, Json>,
    path: &str,
    issues: &mut Vec<Issue>,
) -> Option<Value> {
    let before = issues.len();
    let mut entries = BTreeMap::new();
    for (name, json) in object {
        match fields.iter().find(|field| field.name == name) {
            Some(field) => {
                let value = read(field.kind, json, &join(path, name), issues);
                entries.extend(value.map(|value| (name.clone(), value)));
            }
            None => issues.push(Issue::unknown(path, name, fields.iter().map(|field| field.name))),
        }
    }
    for field in fields.iter().filter(|field| field.required && !object.contains_key(field.name)) {
        let (path, allowed) = (join(path, field.name), field.kind.expects());
        issues.push(Issue { path, found: "nothing".to_owned(), allowed });
    }
    (issues.len() == before).then_some(Value::Table(entries))
}

fn read_map(
    name: Rule,
    text: Rule,
    object: &Map<String, Json>,
    path: &str,
    issues: &mut Vec<Issue>,
) -> Option<Value> {
    let before = issues.len();
    let mut entries = BTreeMap::new();
    for (entry, json) in object {
        let path = join(path, entry);
        read_text(name, entry, &path, issues);
        entries.extend(read(Kind::Text(text), json, &path, issues).map(|value| (entry.clone(), value)));
    }
    (issues.len() == before).then_some(Value::Table(entries))
}

/// A value as JSON; durations and sizes as the strings that the files have.
#[must_use]
pub fn write(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Duration(_) | Value::Size(_) => value.to_string().trim_matches('"').into(),
        Value::List(values) => values.iter().map(write).collect(),
        Value::Table(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), write(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// `path.name`, where the name is shortened and shown on one line.
#[must_use]
pub fn join(path: &str, name: &str) -> String {
    super::raw::join(path, name)
}

/// A value as it is shown in a message: short, on one line.
#[must_use]
pub fn describe(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(_) | Json::Number(_) => json.to_string(),
        Json::String(text) => quote(text),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(json: &Json) -> Result<Scope, Vec<String>> {
        let mut issues = Vec::new();
        let scope = read_scope(json.as_object().unwrap(), "snoopers", &mut issues);
        scope.ok_or_else(|| issues.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let json = json!({
            "proc_id": [7], "proc_name": [{"comm": "^a b$", "cmdline": "\"x\\", "label": {"role": "db"}}],
            "container_id": ["0123456789ab"], "exclude": {"container_name": ["web"]}, "pod_labels": ["app"],
            "custom_labels": {"site": "n\n"},
        });
        assert_eq!(Json::Object(write_scope(&scope(&json).unwrap())), json);
    }

    #[test]
    fn each_issue_names_its_place() {
        let json =
            json!({"proc_id": [1, -4, 2.5], "proc_name": [{"comm": "("}, {"cmdline": 1}], "procid": []});
        let issues = scope(&json).unwrap_err().join("\n");
        for path in [
            "snoopers.proc_id[1]",
            "snoopers.proc_id[2]",
            "snoopers.proc_name[0].comm",
            "snoopers.proc_name[1].comm",
            "snoopers.proc_name[1].cmdline",
            "did you mean `proc_id`",
        ] {
            assert!(issues.contains(path), "{path}: {issues}");
        }
    }
}
