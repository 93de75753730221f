//! Step `deps`: every crate we depend on directly has its reason in doc/dependencies.md, and is used.
use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::{Findings, Violation};
use crate::workspace::Workspace;

const PAGE: &str = "doc/dependencies.md";
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let read = |file: &str| workspace.text(file)?.with_context(|| format!("{file} is not text"));
    let root = read("Cargo.toml")?;
    let mut manifests = BTreeMap::new();
    for file in workspace.files().filter(|file| file.ends_with("/Cargo.toml")) {
        manifests
            .insert(file, read(file)?.parse::<toml::Table>().with_context(|| format!("parsing {file}"))?);
    }
    let parsed: toml::Table = root.parse().context("parsing Cargo.toml")?;
    let mut violations = reasons(&parsed, &root, &read(PAGE)?);
    violations.extend(uses(&parsed, &root, &manifests));
    Ok(violations.into())
}

/// Crates of `[workspace.dependencies]` that are not our own.
fn external(root: &toml::Table) -> impl Iterator<Item = &str> {
    let table =
        root.get("workspace").and_then(|table| table.get("dependencies")).and_then(toml::Value::as_table);
    table
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.as_str())
}

/// Compares the crates with the rows "| `name` | reason |" of the page.
fn reasons(root: &toml::Table, root_text: &str, page: &str) -> Vec<Violation> {
    let rows: BTreeMap<&str, (usize, bool)> = page.lines().enumerate().filter_map(row).collect();
    let missing =
        external(root).filter(|name| !rows.get(name).is_some_and(|(_, reason)| *reason)).map(|name| {
            violation(
                "Cargo.toml",
                line_of(root_text, name),
                format!("the crate `{name}` has no reason in {PAGE}"),
                format!("add the row \"| `{name}` | why it is needed |\""),
            )
        });
    let surplus = rows.iter().filter(|(name, _)| !external(root).any(|known| known == **name)).map(
        |(name, (line, _))| {
            violation(
                PAGE,
                *line,
                format!("`{name}` is not among the workspace's dependencies"),
                "remove the row".to_owned(),
            )
        },
    );
    missing.chain(surplus).collect()
}

/// Each crate is used by a member, and members take their crates from the workspace.
fn uses(root: &toml::Table, root_text: &str, manifests: &BTreeMap<&str, toml::Table>) -> Vec<Violation> {
    let mut used = Vec::new();
    let mut violations = Vec::new();
    for (file, manifest) in manifests {
        let inherits = manifest.get("workspace").is_none();
        let tables = TABLES.iter().filter_map(|table| manifest.get(*table)?.as_table());
        for (name, value) in tables.flatten() {
            used.push(name.as_str());
            if inherits && value.get("workspace").is_none() {
                violations.push(violation(
                    file,
                    0,
                    format!("`{name}` has a version of its own"),
                    "name the version in the root Cargo.toml and write `NAME.workspace = true` here"
                        .to_owned(),
                ));
            }
        }
    }
    violations.extend(external(root).filter(|name| !used.contains(name)).map(|name| {
        violation(
            "Cargo.toml",
            line_of(root_text, name),
            format!("no crate uses `{name}`"),
            "remove it".to_owned(),
        )
    }));
    violations
}

fn row((index, line): (usize, &str)) -> Option<(&str, (usize, bool))> {
    let (name, reason) = line.strip_prefix("| `")?.split_once("` |")?;
    let reason = reason.trim_matches(|c: char| c == '|' || c.is_whitespace());
    Some((name, (index + 1, !reason.is_empty())))
}

fn line_of(text: &str, name: &str) -> usize {
    let defines = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='));
    text.lines().position(defines).map_or(0, |index| index + 1)
}

fn violation(file: &str, line: usize, rule: String, way_out: String) -> Violation {
    Violation { file: file.to_owned(), line, rule, way_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\nours = { path = \"x\" }\nserde = \"1\"\ntoml = \"1\"\n";

    fn found(page: &str) -> Vec<(String, usize)> {
        let violations = reasons(&ROOT.parse().unwrap(), ROOT, page);
        violations.into_iter().map(|one| (one.file, one.line)).collect()
    }

    #[test]
    fn a_complete_page_passes() {
        assert_eq!(found("| `serde` | types |\n| `toml` | manifests |\n"), []);
    }

    #[test]
    fn missing_empty_and_surplus_rows_are_named() {
        assert_eq!(found("| `serde` | types |\n"), [("Cargo.toml".to_owned(), 4)]);
        assert_eq!(found("| `serde` | types |\n| `toml` | |\n"), [("Cargo.toml".to_owned(), 4)]);
        let surplus = found("| `serde` | types |\n| `toml` | manifests |\n| `rand` | chance |\n");
        assert_eq!(surplus, [(PAGE.to_owned(), 3)]);
    }

    #[test]
    fn a_member_with_its_own_version_and_an_unused_crate_are_named() {
        let member = "[dependencies]\nserde = \"1\"\n".parse().unwrap();
        let violations = uses(&ROOT.parse().unwrap(), ROOT, &BTreeMap::from([("a/Cargo.toml", member)]));
        assert_eq!(
            violations.iter().map(|one| one.file.as_str()).collect::<Vec<_>>(),
            ["a/Cargo.toml", "Cargo.toml"]
        );
    }
}
