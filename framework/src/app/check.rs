//! `--check`: reads everything that a start would read and reports every problem.

use std::path::Path;

use thiserror::Error;

use crate::catalog::{self, Catalog, Finding, check_probes};
use crate::config::{self, Loaded};
use crate::contain::trust::{self, Untrusted};

/// What was found wrong, one line each.
#[derive(Debug, Error)]
#[error("{}", .0.join("\n"))]
pub(super) struct Problems(Vec<String>);

/// Checks the configuration and all probe folders.
///
/// # Errors
/// Every problem; probes that are configured but not installed are warnings, since they may come later.
pub fn check(path: &Path) -> anyhow::Result<()> {
    let loaded = config::load(path)?;
    let folders = &loaded.config.folders;
    let catalog = catalog::scan(&catalog::roots(folders), &rules(&loaded));
    let mut problems: Vec<String> = catalog.faults.iter().map(ToString::to_string).collect();
    for finding in check_probes(&loaded, &catalog) {
        match finding {
            Finding::NotInstalled(problem) => eprintln!("warning: {problem}"),
            Finding::Wrong(problem) => problems.push(problem.to_string()),
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    println!("{}: good; {}", path.display(), summary(&catalog));
    Ok(())
}

/// How many folders and probes there are, in words.
pub(super) fn summary(catalog: &Catalog) -> String {
    let probes = catalog.probe_names().count();
    format!("{} probe folders with {probes} probes, {} unusable", catalog.folders.len(), catalog.faults.len())
}

/// What holds for folders under this configuration.
pub(super) fn rules(loaded: &Loaded) -> catalog::Rules {
    let trust: catalog::Trust = |path| trusted(path).map_err(|error| without_path(path, &error));
    catalog::Rules {
        extend_privileges: loaded.config.folders.extend_privileges.clone(),
        trust: nix::unistd::geteuid().is_root().then_some(trust),
    }
}

/// Checks a folder, or a file as part of its folder.
fn trusted(path: &Path) -> Result<(), Untrusted> {
    match (path.is_dir(), path.parent(), path.file_name()) {
        (false, Some(folder), Some(file)) => trust::check(folder, &[file]),
        _ => trust::check(path, &[] as &[&Path]),
    }
}

/// The error's text without the path that the catalog puts before it.
fn without_path(path: &Path, error: &Untrusted) -> String {
    let text = error.to_string();
    let rest = text.strip_prefix(&path.display().to_string());
    rest.map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' '])).to_owned()
}
