//! Lists the probe folders below the configured ones and loads them all.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::assemble::assemble;
use super::folder::{Origin, Rules, load_folder};
use super::{Catalog, Fault};
use crate::config::Folders;

/// Most probe folders below one configured folder.
const MAX_FOLDERS: usize = 1_024;

/// A folder that holds probe folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it is; it need not exist.
    pub path: PathBuf,
    /// Whose probes it holds.
    pub origin: Origin,
}

/// The configured folders, built-in ones first.
pub fn roots(folders: &Folders) -> Vec<Root> {
    let of = |paths: &[PathBuf], origin| {
        paths.iter().map(|p| Root { path: p.clone(), origin }).collect::<Vec<_>>()
    };
    let mut all = of(&folders.probes, Origin::BuiltIn);
    for root in of(&folders.extend, Origin::Extend) {
        if !all.iter().any(|known| known.path == root.path) {
            all.push(root);
        }
    }
    all
}

/// Finds, loads and checks everything at once.
pub fn scan(roots: &[Root], rules: &Rules) -> Catalog {
    let (found, mut faults) = list(roots);
    let mut usable = Vec::new();
    for (path, origin) in found {
        match load_folder(&path, origin, rules) {
            Some(Ok(folder)) => usable.push(folder.into()),
            Some(Err(fault)) => faults.push(fault),
            None => {}
        }
    }
    assemble(usable, faults)
}

/// The probe folders that exist now, and the roots that cannot be listed. Files and names that begin with a dot
/// (copies in progress, the mechanics of mounted volumes) are none; a missing root is no fault.
pub(super) fn list(roots: &[Root]) -> (BTreeMap<PathBuf, Origin>, Vec<Fault>) {
    let mut found = BTreeMap::new();
    let mut faults = Vec::new();
    for root in roots {
        match list_one(&root.path) {
            Ok(mut paths) => {
                if paths.len() > MAX_FOLDERS {
                    let reason = format!(
                        "holds {} folders; only the first {MAX_FOLDERS} by name are used",
                        paths.len()
                    );
                    faults.push(Fault::of_folder(&root.path, reason));
                    paths.truncate(MAX_FOLDERS);
                }
                for path in paths {
                    found.entry(path).or_insert(root.origin);
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => {}
            Err(error) => faults.push(Fault::of_folder(&root.path, format!("cannot be listed: {error}"))),
        }
    }
    (found, faults)
}

fn list_one(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in root.read_dir()? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_dir() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
