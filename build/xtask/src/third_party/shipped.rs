//! The crates that are linked into the shipped programs, and what is linked beside them.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::workspace::Workspace;

/// As in deny.toml and the spec of the packages.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// A crate that is linked.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression.
    pub(super) licence: String,
    pub(super) authors: Vec<String>,
    /// SHA-256 of its archive at crates.io.
    pub(super) checksum: Option<String>,
    pub(super) folder: PathBuf,
    /// Names and versions of what it depends on, as far as that is linked.
    pub(super) depends_on: BTreeSet<(String, String)>,
}

/// What the programs contain.
#[derive(Debug)]
pub(super) struct Shipped {
    /// The version of the product.
    pub(super) version: String,
    /// The version of Rust, whose standard library is linked.
    pub(super) rust: String,
    /// Crates of others, by name and version.
    pub(super) packages: BTreeMap<(String, String), Package>,
}

impl Shipped {
    /// Asks cargo.
    pub(super) fn find(workspace: &Workspace) -> Result<Self> {
        let root = workspace.root();
        let metadata: Value =
            serde_json::from_str(&cargo(root, &["metadata", "--locked", "--format-version", "1"])?)?;
        let programs = programs(&metadata, root);
        let mut linked = BTreeSet::new();
        for target in TARGETS {
            let mut arguments =
                vec!["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"];
            arguments.extend(["--format", "{p}", "--target", target]);
            arguments.extend(programs.iter().flat_map(|name| ["--package", name]));
            linked.extend(cargo(root, &arguments)?.lines().filter_map(named));
        }
        let lock: toml::Table = fs::read_to_string(root.join("Cargo.lock"))?.parse().context("Cargo.lock")?;
        let toolchain: toml::Table =
            fs::read_to_string(root.join("rust-toolchain.toml"))?.parse().context("rust-toolchain.toml")?;
        let rust = toolchain.get("toolchain").and_then(|table| table.get("channel")?.as_str());
        let manifest: toml::Table =
            fs::read_to_string(root.join("Cargo.toml"))?.parse().context("Cargo.toml")?;
        let version =
            manifest.get("workspace").and_then(|table| table.get("package")?.get("version")?.as_str());
        Ok(Self {
            version: version.context("Cargo.toml has no version")?.to_owned(),
            rust: rust.context("rust-toolchain.toml has no channel")?.to_owned(),
            packages: packages(&metadata, &linked, &checksums(&lock))?,
        })
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output =
        Command::new("cargo").args(arguments).current_dir(root).output().context("starting cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo {}: {}", arguments.join(" "), said.trim());
    String::from_utf8(output.stdout).context("cargo wrote no UTF-8")
}

/// The crates of ours whose programs are installed: the agent, and probes but for the template.
fn programs(metadata: &Value, root: &Path) -> Vec<String> {
    let installed = |package: &&Value| {
        let path = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let mut parts = path.strip_prefix(root).unwrap_or(path).iter().filter_map(|part| part.to_str());
        match (parts.next(), parts.next()) {
            (Some("framework"), _) => true,
            (Some("probes"), Some(name)) => !name.starts_with('_'),
            _ => false,
        }
    };
    let all = metadata["packages"].as_array().into_iter().flatten();
    all.filter(installed).filter_map(|package| Some(package["name"].as_str()?.to_owned())).collect()
}

/// Name and version in a line such as `serde v1.0.228 (*)`.
fn named(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
}

fn checksums(lock: &toml::Table) -> BTreeMap<(String, String), String> {
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let field = |package: &toml::Value, name: &str| Some(package.get(name)?.as_str()?.to_owned());
    let checksum = |package: &toml::Value| {
        Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?))
    };
    packages.filter_map(checksum).collect()
}

fn packages(
    metadata: &Value,
    linked: &BTreeSet<(String, String)>,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<BTreeMap<(String, String), Package>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let all = array(&metadata["packages"]);
    let key = |package: &Value| (text(&package["name"]), text(&package["version"]));
    let by_id: BTreeMap<_, _> = all.iter().map(|package| (text(&package["id"]), key(package))).collect();
    // Crates of ours come from a path.
    let others: BTreeSet<_> = all.iter().filter(|package| package["source"].is_string()).map(key).collect();
    let is_linked = |key: &(String, String)| linked.contains(key) && others.contains(key);
    let mut depends_on: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for node in array(&metadata["resolve"]["nodes"]) {
        let needed = array(&node["dependencies"]);
        let needed =
            needed.iter().filter_map(|id| by_id.get(id.as_str()?)).filter(|key| is_linked(key)).cloned();
        if let Some(key) = by_id.get(&text(&node["id"])) {
            depends_on.insert(key.clone(), needed.collect());
        }
    }
    let mut packages = BTreeMap::new();
    for package in all.iter().filter(|package| is_linked(&key(package))) {
        let (name, version) = key(package);
        let licence = text(&package["license"]).replace('/', " OR ");
        ensure!(!licence.is_empty(), "the crate {name} {version} names no licence");
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let folder = manifest.parent().with_context(|| format!("{name} has no folder"))?.to_owned();
        packages.insert(
            key(package),
            Package {
                licence: licence.replace("  ", " "),
                authors: array(&package["authors"]).iter().map(text).collect(),
                checksum: checksums.get(&key(package)).cloned(),
                folder,
                depends_on: depends_on.remove(&key(package)).unwrap_or_default(),
                name,
                version,
            },
        );
    }
    Ok(packages)
}
