//! The probe folders that are installed: found, checked, compared and watched.
//!
//! ```text
//! folders on disk --scan--> Folder | Fault --assemble (rules between folders)--> Catalog --diff--> Change
//!       ^                                                                                           |
//!     watch: touched, then quiet ------------------------------------------------------------------'
//! ```
//!
//! Invariant: what the catalog holds depends on what lies on disk alone, never on the order in which it came.

pub mod assemble;
pub mod check;
pub mod diff;
pub mod folder;
pub mod known;
pub mod resolve;
pub mod scan;
pub mod watch;

mod agree;
mod settle;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use gopher_protocol::manifest::Probe;

use crate::config::Problem;

pub use check::{Finding, check_probes};
pub use diff::{Change, diff};
pub use folder::{Fingerprint, Folder, Origin, Rules, Trust, inspect, load_folder};
pub use known::Known;
pub use resolve::{Resolved, resolve};
pub use scan::{Root, roots, scan};
pub use watch::watch;

/// Every usable probe folder, and why the others are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// By the folder's name.
    pub folders: BTreeMap<String, Arc<Folder>>,
    /// One per folder that is not used, by path.
    pub faults: Vec<Fault>,
}

impl Catalog {
    /// The probe of a REST name and the folder that serves it.
    pub fn probe(&self, name: &str) -> Option<(&Arc<Folder>, &Probe)> {
        self.folders.values().find_map(|folder| folder.manifest.probe(name).map(|probe| (folder, probe)))
    }

    /// The REST names that are served.
    pub fn probe_names(&self) -> impl Iterator<Item = &str> {
        self.folders.values().flat_map(|f| &f.manifest.probes).map(|p| p.name.as_str())
    }
}

/// Why a folder is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The folder.
    pub path: PathBuf,
    /// The file and, from 1, the line in it; line 0 means no line.
    pub place: Option<(PathBuf, usize)>,
    /// What is wrong and the way out.
    pub reason: String,
}

impl Fault {
    /// A fault of a folder as a whole.
    pub fn of_folder(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), place: None, reason: reason.into() }
    }

    /// The same as a problem with a file.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (file, line) = self.place.clone().unwrap_or_else(|| (self.path.clone(), 0));
        Problem { file, line, key: String::new(), message: self.reason.clone() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((file, 0)) => write!(f, "{}: {}", file.display(), self.reason),
            Some((file, line)) => write!(f, "{}:{line}: {}", file.display(), self.reason),
            None => write!(f, "{}: {}", self.path.display(), self.reason),
        }
    }
}

#[cfg(test)]
mod tests;
