//! Probe folders that the product has and this host lacks, as `known.json` beside the built-in folders tells of them.
//!
//! `build/install` writes that file from all folders of the source tree; nothing else lists probes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Catalog;
use crate::config::Folders;

/// The file in a folder of built-in probe folders.
const FILE: &str = "known.json";

/// A folder of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its name.
    pub folder: String,
    /// The probes that it serves.
    pub probes: Vec<String>,
    /// What the first of them observes.
    pub summary: String,
    /// The package that brings it; none where it can only have been left out of the agent's own.
    pub package: Option<String>,
}

impl Known {
    /// How to get it, in words.
    #[must_use]
    pub fn way(&self) -> String {
        match &self.package {
            Some(package) => format!("the package {package} brings it"),
            None => "it was left out when the agent was packaged or installed".to_owned(),
        }
    }
}

/// Why the file says nothing.
#[derive(Debug, Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, #[source] io::Error),
    /// It is not what `build/install` writes.
    #[error("{0}: {1}; installing the agent again writes it anew")]
    Parse(PathBuf, #[source] serde_json::Error),
}

/// The folders of the product that are not in the catalog, not even as unusable ones, by name.
///
/// # Errors
/// When a file that is there cannot be used.
pub fn missing(folders: &Folders, catalog: &Catalog) -> Result<Vec<Known>, Error> {
    let faulty = catalog.faults.iter().filter_map(|fault| fault.path.file_name()?.to_str());
    let there: BTreeSet<_> = catalog.folders.keys().map(String::as_str).chain(faulty).collect();
    let mut missing = Vec::new();
    for root in &folders.probes {
        missing.extend(
            read(&root.join(FILE))?.into_iter().filter(|known| !there.contains(known.folder.as_str())),
        );
    }
    missing.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(missing)
}

/// What a file says; nothing where there is none.
fn read(file: &Path) -> Result<Vec<Known>, Error> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::Read(file.to_owned(), error)),
    };
    serde_json::from_slice(&text).map_err(|error| Error::Parse(file.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_with(text: Option<&str>, catalog: &Catalog) -> Result<Vec<Known>, Error> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            fs::write(folder.path().join(FILE), text).unwrap();
        }
        let folders = Folders { probes: vec![folder.path().to_owned()], ..Folders::default() };
        missing(&folders, catalog)
    }

    const TWO: &str = r#"[{"folder": "b", "probes": ["x"], "summary": "s", "package": "p"},
        {"folder": "a", "probes": [], "summary": "", "package": null}]"#;

    #[test]
    fn what_is_not_installed_is_told_with_the_way_to_it() {
        let found = missing_with(Some(TWO), &Catalog::default()).unwrap();
        let told: Vec<_> = found.iter().map(|known| (known.folder.as_str(), known.way())).collect();
        assert_eq!(told[0].0, "a");
        assert_eq!(told[1], ("b", "the package p brings it".to_owned()));
    }

    #[test]
    fn a_folder_that_is_there_but_unusable_is_installed() {
        let faults = vec![crate::catalog::Fault::of_folder("/somewhere/b", "why")];
        let found = missing_with(Some(TWO), &Catalog { faults, ..Catalog::default() }).unwrap();
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn without_the_file_nothing_is_missing_and_a_broken_one_is_an_error() {
        assert_eq!(missing_with(None, &Catalog::default()).unwrap(), []);
        assert!(
            missing_with(Some("[{}]"), &Catalog::default()).unwrap_err().to_string().contains("known.json")
        );
    }
}
