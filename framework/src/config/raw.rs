//! Turns parsed TOML into checked values, reporting every place that does not fit.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::kind::{Field, Kind, LIST, Value};
use super::names::nearest;
use super::problem::Report;
use super::rules::Rule;
use super::units;

type Node<'i> = Spanned<DeValue<'i>>;

/// Reads a value of the given kind; `None` when a problem was reported instead.
pub(super) fn read(kind: Kind, node: &Node<'_>, key: &str, report: &mut Report<'_>) -> Option<Value> {
    if node.span().is_empty() {
        // The parser's stand-in for a value that is no TOML, which has its own message.
        return None;
    }
    match (kind, node.get_ref()) {
        (Kind::Bool, DeValue::Boolean(b)) => Some(Value::Bool(*b)),
        (Kind::Integer(min, max), DeValue::Integer(n)) => {
            let value = whole(n).filter(|v| u64::try_from(*v).is_ok_and(|v| (min..=max).contains(&v)));
            value.map(Value::Integer).or_else(|| mismatch(kind, node, key, report))
        }
        (Kind::Duration(min, max), DeValue::String(text)) => {
            let value = units::parse_duration(text).filter(|d| (min..=max).contains(d));
            value.map(Value::Duration).or_else(|| mismatch(kind, node, key, report))
        }
        (Kind::Duration(..), DeValue::Integer(n)) => {
            let message =
                format!("found {n}, a number without a unit; expected {}, such as \"{n}s\"", kind.expects());
            report.add(node.span().start, key, message);
            None
        }
        (Kind::Size(min, max), DeValue::String(text)) => {
            let value = units::parse_size(text).filter(|size| (min..=max).contains(size));
            value.map(Value::Size).or_else(|| mismatch(kind, node, key, report))
        }
        (Kind::Size(..), DeValue::Integer(n)) => {
            let message =
                format!("found {n}, a number without a unit; expected {}, such as \"{n}B\"", kind.expects());
            report.add(node.span().start, key, message);
            None
        }
        (Kind::Choice(names), DeValue::String(text)) => {
            if names.contains(&text.as_ref()) {
                return Some(Value::Text(text.clone().into_owned()));
            }
            mismatch(kind, node, key, report)
        }
        (Kind::Text(rule), DeValue::String(text)) => read_text(rule, text, node.span().start, key, report),
        (Kind::List(_), DeValue::Array(nodes)) if nodes.len() > LIST => {
            let message = format!("found {} entries, expected at most {LIST}", nodes.len());
            report.add(node.span().start, key, message);
            None
        }
        (Kind::List(item), DeValue::Array(nodes)) => {
            let values: Vec<_> = nodes.iter().map(|node| read(*item, node, key, report)).collect();
            values.into_iter().collect::<Option<_>>().map(Value::List)
        }
        (Kind::Record(fields), DeValue::Table(table)) => {
            read_record(fields, table, node.span().start, key, report)
        }
        (Kind::Map(name, text), DeValue::Table(table)) => read_map(name, text, table, key, report),
        (Kind::Params, DeValue::Table(table)) => read_params(table, key, report),
        _ => mismatch(kind, node, key, report),
    }
}

fn mismatch(kind: Kind, node: &Node<'_>, key: &str, report: &mut Report<'_>) -> Option<Value> {
    let found = describe(node.get_ref());
    let hint = match (kind, node.get_ref()) {
        (Kind::Choice(names), DeValue::String(text)) => did_you_mean(text, names.iter().copied()),
        _ => String::new(),
    };
    report.add(node.span().start, key, format!("found {found}, expected {}{hint}", kind.expects()));
    None
}

fn read_text(rule: Rule, text: &str, offset: usize, key: &str, report: &mut Report<'_>) -> Option<Value> {
    match rule.check(text) {
        Ok(()) => Some(Value::Text(text.to_owned())),
        Err(detail) => {
            let detail = detail.map(|d| format!(" ({d})")).unwrap_or_default();
            report.add(offset, key, format!("found {}, expected {}{detail}", quote(text), rule.expects()));
            None
        }
    }
}

/// Reads a table with fixed keys; `offset` is the place to name when a required key is missing.
pub(super) fn read_record(
    fields: &'static [Field],
    table: &DeTable<'_>,
    offset: usize,
    key: &str,
    report: &mut Report<'_>,
) -> Option<Value> {
    let mut entries = BTreeMap::new();
    let mut whole = true;
    for (name, node) in table {
        let path = join(key, name.get_ref());
        let value = match fields.iter().find(|f| f.name == name.get_ref()) {
            Some(field) => read(field.kind, node, &path, report),
            None => {
                report.add(
                    name.span().start,
                    &path,
                    unknown_key(name.get_ref(), fields.iter().map(|f| f.name)),
                );
                None
            }
        };
        whole &= value.is_some();
        entries.extend(value.map(|v| (name.get_ref().to_string(), v)));
    }
    for field in fields.iter().filter(|f| f.required && !table.contains_key(f.name)) {
        whole = false;
        report.add(offset, &join(key, field.name), format!("missing, expected {}", field.kind.expects()));
    }
    whole.then_some(Value::Table(entries))
}

fn read_map(
    name: Rule,
    text: Rule,
    table: &DeTable<'_>,
    key: &str,
    report: &mut Report<'_>,
) -> Option<Value> {
    let mut entries = BTreeMap::new();
    let mut whole = true;
    for (entry, node) in table {
        let path = join(key, entry.get_ref());
        whole &= read_text(name, entry.get_ref(), entry.span().start, &path, report).is_some();
        match read(Kind::Text(text), node, &path, report) {
            Some(value) => entries.extend([(entry.get_ref().to_string(), value)]),
            None => whole = false,
        }
    }
    whole.then_some(Value::Table(entries))
}

fn read_params(table: &DeTable<'_>, key: &str, report: &mut Report<'_>) -> Option<Value> {
    let mut entries = BTreeMap::new();
    let mut whole = true;
    for (name, node) in table {
        let path = join(key, name.get_ref());
        match param(node.get_ref()) {
            Some(value) => entries.extend([(name.get_ref().to_string(), value)]),
            None => {
                whole = false;
                let found = describe(node.get_ref());
                report.add(
                    node.span().start,
                    &path,
                    format!("found {found}, expected a number, a string or a list of these"),
                );
            }
        }
    }
    whole.then_some(Value::Table(entries))
}

fn param(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::Array(nodes) => nodes
            .iter()
            .map(|n| if n.get_ref().is_array() { None } else { param(n.get_ref()) })
            .collect::<Option<_>>()
            .map(Value::List),
        DeValue::String(text) => Some(Value::Text(text.clone().into_owned())),
        DeValue::Integer(n) => whole(n).map(Value::Integer),
        DeValue::Float(x) => x.as_str().parse().ok().filter(|x: &f64| x.is_finite()).map(Value::Float),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// "unknown key, did you mean ...": the message for a name that is not in a table's list.
pub(super) fn unknown_key<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let hint = did_you_mean(name, known.clone());
    format!("unknown key {}{hint}; allowed: {}", tick(name), known.collect::<Vec<_>>().join(", "))
}

pub(super) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default()
}

/// A value as it is shown in a message: short, on one line.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quote(text),
        DeValue::Integer(n) => shorten(&n.to_string()),
        DeValue::Float(x) => shorten(x.as_str()),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(_) => "a date or time".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

pub(super) fn quote(text: &str) -> String {
    format!("{:?}", shorten(text))
}

fn tick(name: &str) -> String {
    format!("`{}`", shorten(name).escape_debug())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn whole(n: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(n.as_str(), n.radix()).ok()
}

/// `section.key`, or the key alone at the top level.
pub(super) fn join(section: &str, key: &str) -> String {
    let key = shorten(key).escape_debug().to_string();
    if section.is_empty() { key } else { format!("{section}.{key}") }
}
