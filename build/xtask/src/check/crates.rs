//! Step `crates`: which crate may link what; the protocol crate does no I/O.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Findings, Violation};
use crate::source;
use crate::workspace::Workspace;

const PROTOCOL: &str = "probe-sdk/protocol/";
const WITHOUT_IO: [&str; 6] = ["std::fs", "std::io", "std::net", "std::process", "std::env", "tokio"];

/// Folders whose crates may not link a crate, with the reason.
const MAY_NOT_LINK: [(&str, &str, &str); 7] = [
    ("framework/", "libbpf-sys", "what the agent needs from the kernel comes from a probe process"),
    ("framework/", "libbpf-rs", "what the agent needs from the kernel comes from a probe process"),
    ("probes/", "gala-gopher", "a probe knows the protocol, not the agent"),
    ("probes/", "tokio", "a probe is one blocking loop"),
    ("probe-sdk/", "gala-gopher", "the SDK serves probes, not the agent"),
    ("probe-sdk/", "tokio", "a probe is one blocking loop"),
    (PROTOCOL, "nix", "the protocol crate does no I/O"),
];

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let mut findings =
        workspace.each_text(
            |file, text| if file.starts_with(PROTOCOL) { without_io(file, text) } else { Vec::new() },
        )?;
    let metadata = workspace.metadata()?;
    let root = metadata["workspace_root"].as_str().context("cargo metadata names no root")?;
    findings.violations.extend(links(&Linked::read(&metadata)?, &folders(&metadata, root)));
    Ok(findings)
}

fn without_io(file: &str, text: &str) -> Vec<Violation> {
    let source = file.strip_prefix(PROTOCOL).is_some_and(|path| path.starts_with("src/"));
    if !source || source::is_test(file) {
        return Vec::new();
    }
    let mut violations = Vec::new();
    let mut add = |line, rule: String, way_out: &str| {
        violations.push(Violation { file: file.to_owned(), line, rule, way_out: way_out.to_owned() });
    };
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for name in WITHOUT_IO.iter().filter(|name| code.contains(&format!("{name}::"))) {
            add(
                index + 1,
                format!("the protocol crate does no I/O, `{name}` does"),
                "take and return values instead",
            );
        }
    }
    if file.ends_with("src/lib.rs") && !text.contains("#![forbid(unsafe_code)]") {
        add(1, "the protocol crate is free of unsafe code".to_owned(), "write `#![forbid(unsafe_code)]`");
    }
    violations
}

/// Member crates: package id → (name, folder from the root with a closing slash).
type Folders = BTreeMap<String, (String, String)>;

fn folders(metadata: &Value, root: &str) -> Folders {
    let members: BTreeSet<_> = strings(&metadata["workspace_members"]).collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter_map(|package| {
            let (id, name) = (package["id"].as_str()?, package["name"].as_str()?);
            let path = package["manifest_path"].as_str()?.strip_prefix(root)?.strip_suffix("Cargo.toml")?;
            members
                .contains(id)
                .then(|| (id.to_owned(), (name.to_owned(), path.trim_start_matches('/').to_owned())))
        })
        .collect()
}

fn links(linked: &Linked, folders: &Folders) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, (name, folder)) in folders {
        let all = linked.by(id);
        for (place, crate_name, reason) in MAY_NOT_LINK {
            if folder.starts_with(place) && all.contains(crate_name) {
                violations.push(Violation {
                    file: format!("{folder}Cargo.toml"),
                    line: 0,
                    rule: format!("`{name}` links `{crate_name}`, but {reason}"),
                    way_out: format!("find the way with `cargo tree -p {name} -i {crate_name}` and cut it"),
                });
            }
        }
    }
    violations
}

/// Which package links which at run time: build and test dependencies do not count.
struct Linked {
    names: BTreeMap<String, String>,
    next: BTreeMap<String, Vec<String>>,
}

impl Linked {
    fn read(metadata: &Value) -> Result<Self> {
        let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        let names = packages
            .iter()
            .filter_map(|package| {
                Some((package["id"].as_str()?.to_owned(), package["name"].as_str()?.to_owned()))
            })
            .collect();
        let nodes = metadata["resolve"]["nodes"].as_array().context("cargo metadata has no graph")?;
        let normal = |edge: &&Value| {
            edge["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null())
        };
        let next = nodes
            .iter()
            .filter_map(|node| {
                let edges = node["deps"].as_array()?.iter().filter(normal);
                let ids = edges.filter_map(|edge| edge["pkg"].as_str().map(str::to_owned)).collect();
                Some((node["id"].as_str()?.to_owned(), ids))
            })
            .collect();
        Ok(Self { names, next })
    }

    /// Names of all packages that the package links, directly or not.
    fn by(&self, id: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            for id in self.next.get(next).into_iter().flatten() {
                if seen.insert(id.as_str()) {
                    open.push(id);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.names.get(id)).map(String::as_str).collect()
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_in_the_protocol_crate_is_found_with_its_line() {
        let found = without_io("probe-sdk/protocol/src/line.rs", "//! Lines.\nuse std::io::Read;\n");
        assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_link_through_another_crate_is_found() {
        let graph = |edges: &[(&str, &[&str])]| Linked {
            names: ["a", "b", "tokio"].map(|name| (name.to_owned(), name.to_owned())).into(),
            next: edges
                .iter()
                .map(|(from, to)| ((*from).to_owned(), to.iter().map(|id| (*id).to_owned()).collect()))
                .collect(),
        };
        let folders: Folders = [("a".to_owned(), ("a".to_owned(), "probes/a/".to_owned()))].into();
        assert_eq!(links(&graph(&[("a", &["b"]), ("b", &["tokio"])]), &folders).len(), 1);
        assert_eq!(links(&graph(&[("a", &["b"])]), &folders), []);
    }
}
