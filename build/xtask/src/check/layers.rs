//! Step `layers`: a stage of the framework names only the stages it may know.
use std::collections::BTreeSet;

use anyhow::Result;

use super::{Findings, Violation};
use crate::source;
use crate::workspace::Workspace;

const SOURCES: &str = "framework/src/";

/// Each stage with what it may name; `stage::name` allows that module or type of the stage alone.
const MAY_NAME: [(&str, &[&str]); 12] = [
    ("contain", &[]),
    ("rundir", &["contain::trust"]),
    ("config", &[]),
    ("catalog", &["config", "contain::trust"]),
    ("supervise", &["contain"]),
    ("ingest", &["supervise"]),
    ("enrich", &[]),
    ("store", &["ingest", "enrich"]),
    ("export", &["store", "config", "enrich::Host"]),
    ("topology", &["store"]),
    ("telemetry", &["ingest::Dropped"]),
    ("import", &["config"]),
];

/// Modules that join the stages and may name all of them.
const JOINTS: [&str; 7] = ["app", "control", "ctl", "shutdown", "cli", "bin", "lib"];

/// Modules that know no stage and that all may name.
const TOOLS: [&str; 5] = ["clock", "sync", "dirwatch", "listen", "tls"];

/// What every stage may name besides: tools, and the agent's metrics and log.
fn for_all<'a>() -> impl Iterator<Item = &'a str> {
    TOOLS.into_iter().chain(["telemetry"])
}

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    workspace.each_text(|file, text| match file.strip_prefix(SOURCES) {
        Some(path) if path.ends_with(".rs") && !source::is_test(file) => rule(file, path, text),
        _ => Vec::new(),
    })
}

fn rule(file: &str, path: &str, text: &str) -> Vec<Violation> {
    let stage = path.split(['/', '.']).next().unwrap_or(path);
    if JOINTS.contains(&stage) {
        return Vec::new();
    }
    let violation = |line, rule, way_out: &str| Violation {
        file: file.to_owned(),
        line,
        rule,
        way_out: way_out.to_owned(),
    };
    let tool: (_, &[&str]) = (stage, &[]);
    let known = MAY_NAME.iter().find(|(name, _)| *name == stage);
    let Some((_, allowed)) = known.or_else(|| TOOLS.contains(&stage).then_some(&tool)) else {
        let rule = format!("the module `{stage}` has no place in the layers");
        return vec![violation(0, rule, "give it one in build/xtask/src/check/layers.rs")];
    };
    let depth = path.matches('/').count() + 1;
    named(text, depth)
        .into_iter()
        .filter(|(_, name)| !may_name(stage, allowed, name))
        .map(|(line, name)| {
            let rule = format!("`{stage}` may not name `crate::{name}`, only {}", list(allowed));
            violation(line, rule, "pass the value in from `app`, or move the type to the stage that owns it")
        })
        .collect()
}

fn may_name(stage: &str, allowed: &[&str], name: &str) -> bool {
    let within = |module: &str| name == module || name.starts_with(&format!("{module}::"));
    within(stage) || for_all().any(within) || allowed.iter().any(|module| within(module))
}

fn list(allowed: &[&str]) -> String {
    let names: Vec<_> = allowed.iter().copied().chain(for_all()).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The paths below the crate's root that a file names, two names deep, each with its line.
fn named(text: &str, depth: usize) -> BTreeSet<(usize, String)> {
    let code = without_comments(text);
    let mut found = BTreeSet::new();
    for (at, root) in roots(&code, depth) {
        let line = code[..at].matches('\n').count();
        let rest = &code[at + root..];
        let names = if rest.starts_with('{') { group(rest) } else { vec![path(rest)] };
        found.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (line, name)));
    }
    found
}

/// Where paths from the crate's root begin, with the length of what stands for the root.
fn roots(code: &str, depth: usize) -> Vec<(usize, usize)> {
    let prefix = "crate::";
    let starts_word = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_$".contains(c));
    let mut roots: Vec<_> = code
        .match_indices(prefix)
        .filter(|(at, _)| starts_word(*at))
        .map(|(at, _)| (at, prefix.len()))
        .collect();
    let climb = "super::".repeat(depth);
    for start in ["\nuse ", "\npub use ", "\npub(crate) use "] {
        let way = format!("{start}{climb}");
        roots.extend(code.match_indices(&way).map(|(at, found)| (at + 1, found.len() - 1)));
    }
    roots
}

/// The first two names of a path like `a::b::C`; a type's name does not count as a module.
fn path(rest: &str) -> String {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
    let names: Vec<_> = rest[..end].split("::").take(2).take_while(|name| !name.is_empty()).collect();
    names.join("::")
}

/// The paths in a group like `{a::B, c::{d, e}}`; an inner group counts by what stands before it.
fn group(rest: &str) -> Vec<String> {
    let mut depth = 0;
    let mut items = vec![String::new()];
    for character in rest.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => items.push(String::new()),
            _ if depth == 1 => {
                if let Some(item) = items.last_mut() {
                    item.push(character);
                }
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    items.iter().map(|item| path(item.trim())).collect()
}

/// Blanks line comments and puts an empty line 0 first, so that every line has a line break before it.
fn without_comments(text: &str) -> String {
    let mut code = String::from("\n");
    for line in text.lines() {
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

#[cfg(test)]
mod tests;
