//! `--check`: reads everything that a start would read and reports every problem.

use std::path::Path;
use std::sync::Arc;

use super::files;
use crate::catalog::{self, Catalog, Fault, Finding, Folder, check_probes};
use crate::config::{self, LoadError, Loaded, Problem, Problems};
use crate::contain::trust::{self, Untrusted};

/// What a check has found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What must be mended before the agent would start, or would use a folder.
    pub problems: Vec<Problem>,
    /// What may well be meant: probes that are configured but not installed may come later.
    pub warnings: Vec<Problem>,
    /// What there is, in words.
    pub summary: String,
}

/// Reads everything that a start would read.
///
/// # Errors
/// A configuration that cannot be read or is wrong; then no folder has been looked at.
pub fn examine(path: &Path) -> Result<Checked, LoadError> {
    let loaded = config::load(path)?;
    let catalog = catalog::scan(&catalog::roots(&loaded.config.folders), &rules(&loaded));
    let mut checked = Checked { summary: summary(&catalog), ..Checked::default() };
    checked.problems.extend(files::read(&loaded, |_| true).err().into_iter().flat_map(|problems| problems.0));
    checked.problems.extend(catalog.faults.iter().map(Fault::problem));
    for finding in check_probes(&loaded, &catalog) {
        match finding {
            Finding::NotInstalled(problem) => checked.warnings.push(problem),
            Finding::Wrong(problem) => checked.problems.push(problem),
        }
    }
    Ok(checked)
}

/// The usable probe folders of a configuration.
///
/// # Errors
/// A configuration that cannot be read or is wrong.
pub fn folders(path: &Path) -> Result<Vec<Folder>, LoadError> {
    let loaded = config::load(path)?;
    let catalog = catalog::scan(&catalog::roots(&loaded.config.folders), &rules(&loaded));
    Ok(catalog.folders.into_values().map(Arc::unwrap_or_clone).collect())
}

/// The folders of the product that this configuration does not find.
///
/// # Errors
/// When the configuration cannot be loaded, or the file about the product's folders cannot be used.
pub fn not_installed(path: &Path) -> anyhow::Result<Vec<catalog::Known>> {
    let loaded = config::load(path)?;
    let catalog = catalog::scan(&catalog::roots(&loaded.config.folders), &rules(&loaded));
    Ok(catalog::known::missing(&loaded.config.folders, &catalog)?)
}

/// Checks the configuration and all probe folders, and says so.
///
/// # Errors
/// Every problem.
pub fn check(path: &Path) -> anyhow::Result<()> {
    let checked = examine(path)?;
    for warning in &checked.warnings {
        eprintln!("warning: {warning}");
    }
    if !checked.problems.is_empty() {
        return Err(Problems(checked.problems).into());
    }
    println!("{}: good; {}", path.display(), checked.summary);
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
