//! The rules between folders: one owner per name, per probe and per metric. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::agree::Metrics;
use super::folder::Folder;
use super::{Catalog, Fault};

/// Builds the catalog of folders that are each fine by themselves. Built-in folders come first, then the order
/// of names; of two that contradict each other the later one is refused and its fault names both.
pub fn assemble(mut candidates: Vec<Arc<Folder>>, mut faults: Vec<Fault>) -> Catalog {
    candidates.sort_by(|a, b| (a.origin, &a.name, &a.path).cmp(&(b.origin, &b.name, &b.path)));
    let mut folders: BTreeMap<String, Arc<Folder>> = BTreeMap::new();
    let mut metrics = Metrics::default();
    for folder in candidates {
        match refusal(&folder, &folders).map_or_else(|| metrics.admit(&folder), Err) {
            Ok(()) => {
                folders.insert(folder.name.clone(), folder);
            }
            Err(reason) => faults.push(Fault::of_folder(&folder.path, reason)),
        }
    }
    faults.sort_by(|a, b| a.path.cmp(&b.path));
    Catalog { folders, faults }
}

fn refusal(folder: &Folder, admitted: &BTreeMap<String, Arc<Folder>>) -> Option<String> {
    if let Some(other) = admitted.get(&folder.name) {
        return Some(format!("the name \"{}\" belongs to {}", folder.name, other.path.display()));
    }
    let served = |name: &str| admitted.values().find(|other| other.manifest.probe(name).is_some());
    folder.manifest.probes.iter().find_map(|probe| {
        let other = served(&probe.name)?;
        Some(format!("the probe \"{}\" is served by {} already", probe.name, other.path.display()))
    })
}
