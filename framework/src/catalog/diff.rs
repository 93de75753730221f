//! What differs between two catalogs, as the changes that a running agent has to make. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Catalog, Fault, Folder};

/// One change of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A folder can be used now.
    Added(Arc<Folder>),
    /// A folder of this name has another content or lies elsewhere.
    Changed(Arc<Folder>),
    /// The folder of this name is gone or cannot be used any more.
    Removed(String),
    /// A folder cannot be used; told once per reason.
    Fault(Fault),
    /// What was reported for this path holds no more.
    FaultCleared(PathBuf),
}

/// From the old catalog to the new one: what goes first, then what comes, then what is wrong.
pub fn diff(old: &Catalog, new: &Catalog) -> Vec<Change> {
    let mut changes = Vec::new();
    let gone = old.folders.keys().filter(|name| !new.folders.contains_key(*name));
    changes.extend(gone.map(|name| Change::Removed(name.clone())));
    let by_path = |catalog: &Catalog| -> BTreeMap<PathBuf, Fault> {
        catalog.faults.iter().map(|fault| (fault.path.clone(), fault.clone())).collect()
    };
    let (old_faults, new_faults) = (by_path(old), by_path(new));
    let cleared = old_faults.keys().filter(|path| !new_faults.contains_key(*path));
    changes.extend(cleared.map(|path| Change::FaultCleared(path.clone())));
    for (name, folder) in &new.folders {
        match old.folders.get(name) {
            None => changes.push(Change::Added(Arc::clone(folder))),
            Some(before) if before != folder => changes.push(Change::Changed(Arc::clone(folder))),
            Some(_) => {}
        }
    }
    let news = new_faults.into_iter().filter(|(path, fault)| old_faults.get(path) != Some(fault));
    changes.extend(news.map(|(_, fault)| Change::Fault(fault)));
    changes
}
