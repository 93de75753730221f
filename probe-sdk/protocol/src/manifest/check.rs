//! The rules of a manifest that its form alone does not give; all problems at once.

mod names;
mod tables;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;

use self::names::{is_label_name, is_probe_name, is_reserved_probe};
use super::{Item, Limits, Manifest, Param, Probe, Problem, line_of, parse_percent, parse_size, raw};

/// Collects problems, each with its line.
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<Problem>,
}

impl Problems<'_> {
    fn add(&mut self, span: Range<usize>, reason: impl Into<String>) {
        self.found.push(Problem { line: line_of(self.text, span.start), reason: reason.into() });
    }
}

pub(super) fn manifest(text: &str, raw: raw::Manifest) -> Result<Manifest, Vec<Problem>> {
    let mut problems = Problems { text, found: Vec::new() };
    if *raw.protocol.get_ref() != crate::PROTOCOL {
        let reason =
            format!("protocol {} is not spoken here; allowed: {}", raw.protocol.get_ref(), crate::PROTOCOL);
        problems.add(raw.protocol.span(), reason);
    }
    check_name(&mut problems, &raw.name, "folder name");
    check_exec(&mut problems, &raw.exec);
    let privileges = privileges(&mut problems, raw.privileges, &[]);
    let optional_privileges = self::privileges(&mut problems, raw.optional_privileges, &privileges);
    let limits = limits(&mut problems, raw.limits);
    let probes = probes(&mut problems, raw.probe);
    let tables = tables::tables(&mut problems, &probes, raw.table);
    if !problems.found.is_empty() {
        return Err(problems.found);
    }
    Ok(Manifest {
        name: raw.name.into_inner(),
        exec: raw.exec.into_inner(),
        reconfigure: raw.reconfigure,
        feeds: raw.feeds,
        privileges,
        optional_privileges,
        limits,
        probes,
        tables: tables.into_iter().map(Arc::new).collect(),
    })
}

fn check_name(problems: &mut Problems<'_>, name: &Spanned<String>, what: &str) {
    if !is_probe_name(name.get_ref()) {
        let reason = format!("{what} `{}` must match [a-z][a-z0-9_-]{{0,31}}", name.get_ref());
        problems.add(name.span(), reason);
    }
}

fn check_exec(problems: &mut Problems<'_>, exec: &Spanned<Vec<String>>) {
    let reason = match exec.get_ref().first().map(String::as_str) {
        None | Some("") => "exec is empty; its first word is a file in this folder",
        Some(file) if file.starts_with('/') => "exec[0] is an absolute path; name a file in this folder",
        Some(file) if file.split('/').any(|part| part == "..") => "exec[0] leaves the folder by `..`",
        Some(_) if exec.get_ref().iter().any(|word| word.contains('\0')) => "exec holds a NUL byte",
        Some(_) => return,
    };
    problems.add(exec.span(), reason);
}

/// `required`: those that `privileges` has already.
fn privileges(problems: &mut Problems<'_>, raw: Vec<Spanned<String>>, required: &[String]) -> Vec<String> {
    for privilege in &raw {
        let name = privilege.get_ref();
        if !names::is_capability(name) {
            problems.add(privilege.span(), format!("`{name}` is no Linux capability; write CAP_… names"));
        } else if required.contains(name) {
            problems.add(privilege.span(), format!("`{name}` is in privileges too; name it in one of them"));
        }
    }
    raw.into_iter().map(Spanned::into_inner).collect()
}

fn limits(problems: &mut Problems<'_>, raw: raw::Limits) -> Limits {
    let mut limits = Limits::default();
    if let Some(memory) = raw.memory {
        limits.memory = parse_size(memory.get_ref());
        if limits.memory.is_none() {
            problems
                .add(memory.span(), format!("memory `{}` is no size such as \"128MiB\"", memory.get_ref()));
        }
    }
    if let Some(cpu) = raw.cpu {
        limits.cpu = parse_percent(cpu.get_ref());
        if limits.cpu.is_none() {
            problems
                .add(cpu.span(), format!("cpu `{}` is no share of one core such as \"20%\"", cpu.get_ref()));
        }
    }
    for (name, given, limit) in [
        ("rows_per_second", raw.rows_per_second, &mut limits.rows_per_second),
        ("series", raw.series, &mut limits.series),
    ] {
        let Some(given) = given else { continue };
        *limit = *given.get_ref();
        if *limit == 0 {
            problems.add(given.span(), format!("{name} is 0; allowed: 1 and more"));
        }
    }
    limits
}

fn probes(problems: &mut Problems<'_>, raw: Vec<raw::Probe>) -> Vec<Probe> {
    if raw.is_empty() {
        problems.add(0..0, "no [[probe]]: a folder serves at least one");
    }
    let mut probes: Vec<Probe> = Vec::with_capacity(raw.len());
    for probe in raw {
        let name = probe.name.get_ref().clone();
        check_name(problems, &probe.name, "probe name");
        if is_reserved_probe(&name) {
            problems.add(probe.name.span(), format!("probe name `{name}` is a word that routes use"));
        }
        if probes.iter().any(|other| other.name == name) {
            problems.add(probe.name.span(), format!("probe `{name}` is there twice"));
        }
        let items = items(problems, probe.item);
        let params = params(problems, probe.params);
        let (summary, autostart, scope) = (probe.summary, probe.autostart, probe.scope);
        probes.push(Probe { name, summary, autostart, scope, items, params });
    }
    probes
}

fn items(problems: &mut Problems<'_>, raw: Vec<raw::Item>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::with_capacity(raw.len());
    for item in raw {
        check_name(problems, &item.name, "item name");
        let name = item.name.get_ref().clone();
        if items.iter().any(|other| other.name == name) {
            problems.add(item.name.span(), format!("item `{name}` is there twice"));
        }
        items.push(Item { name, summary: item.summary });
    }
    items
}

fn params(
    problems: &mut Problems<'_>,
    raw: BTreeMap<Spanned<String>, raw::Param>,
) -> BTreeMap<String, Param> {
    let mut params = BTreeMap::new();
    for (name, raw) in raw {
        let span = name.span();
        let name = name.into_inner();
        if !is_label_name(&name) {
            problems.add(span.clone(), format!("parameter name `{name}` must match [a-zA-Z_][a-zA-Z0-9_]*"));
        }
        let raw::Param { default, range, choices, unit, summary } = raw;
        let param = Param { default, range, choices, unit, summary };
        if let Err(allowed) = param_value(&param, &param.default) {
            problems.add(span, format!("default of parameter `{name}` is not allowed: {allowed}"));
        }
        params.insert(name, param);
    }
    params
}

/// The longest string that a parameter may be, in bytes: it is handed on in environments and configuration lines.
const MAX_STRING: usize = 4096;

pub(super) fn param_value(param: &Param, value: &Value) -> Result<(), String> {
    let of_choices = |value: &Value| {
        value.as_str().is_some_and(|text| {
            let fits = text.len() <= MAX_STRING && !text.chars().any(char::is_control);
            fits && (param.choices.is_empty() || param.choices.iter().any(|c| c == text))
        })
    };
    let good = match (&param.default, value) {
        (Value::Number(_), Value::Number(number)) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            param.range.map_or(number.is_finite(), |(low, high)| (low..=high).contains(&number))
        }
        (Value::String(_), Value::String(_)) => of_choices(value),
        (Value::Array(_), Value::Array(values)) => values.iter().all(of_choices),
        _ => false,
    };
    if good { Ok(()) } else { Err(format!("must be {}", allowed(param))) }
}

pub(super) fn allowed(param: &Param) -> String {
    let unit = param.unit.as_ref().map_or(String::new(), |unit| format!(" ({unit})"));
    let choices =
        if param.choices.is_empty() { String::new() } else { format!(" of {}", param.choices.join(", ")) };
    match (&param.default, param.range) {
        (Value::Number(_), Some((low, high))) => format!("a number from {low} to {high}{unit}"),
        (Value::Number(_), None) => format!("a number{unit}"),
        (Value::String(_), _) if param.choices.is_empty() => {
            format!("a string of at most {MAX_STRING} bytes without control characters")
        }
        (Value::String(_), _) => format!("a string{choices}"),
        (Value::Array(_), _) => format!("an array of strings{choices}"),
        _ => "a number, a string or an array of strings".to_owned(),
    }
}
