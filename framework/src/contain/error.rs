//! What can go wrong with starting the spawner and a process.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::child::Step;
use super::trust::Untrusted;

/// Why processes cannot be started at all.
#[derive(Debug, Error)]
pub enum Error {
    /// The user for probes does not exist.
    #[error("there is no user `{name}` to run probes as: create it, or name another")]
    NoUser {
        /// The user.
        name: String,
    },
    /// The user for probes cannot be looked up.
    #[error("cannot look up the user `{name}` to run probes as: {source}")]
    User {
        /// The user.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Probes are not run as root.
    #[error("`{name}` is root, and probes must not run as root: name another user")]
    RootUser {
        /// The user.
        name: String,
    },
    /// There is no runtime whose signals could be listened to.
    #[error("the spawner must be started within a runtime")]
    NoRuntime,
    /// Something that every agent needs failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Why a process was not started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// The agent does not have what the manifest asks for.
    #[error(
        "the agent does not hold {capability}, which the manifest names: grant it to the agent, or move it to `optional_privileges` if the probe can do without"
    )]
    Denied {
        /// The capabilities by name, separated by commas.
        capability: String,
    },
    /// Others could change what would be run.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The manifest's `exec` names no file in the folder.
    #[error("exec `{program}` is no path of a file in {}", folder.display())]
    NotInFolder {
        /// The folder.
        folder: PathBuf,
        /// `exec[0]`.
        program: String,
    },
    /// The file is neither a program nor a script.
    #[error("{} is neither a program nor a script that begins with #!", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// The kernel does not run the file.
    #[error("cannot run {}: {source}{hint}", path.display())]
    Exec {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// What to look at, with the punctuation before it.
        hint: &'static str,
    },
    /// A step between fork and exec failed.
    #[error("cannot {step} for the new process: {source}")]
    Step {
        /// Which.
        step: Step,
        /// Why.
        source: io::Error,
    },
    /// A pipe cannot be made.
    #[error("cannot make a pipe: {0}")]
    Pipe(#[source] io::Error),
    /// The agent is stopping.
    #[error("the agent is stopping")]
    Closed,
}

impl SpawnError {
    /// What came back from the child, or from the fork.
    pub(super) fn from_child(error: io::Error, path: PathBuf) -> Self {
        if let Some((step, source)) = Step::decode(&error) {
            return Self::Step { step, source };
        }
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; is the interpreter of its first line installed?",
            io::ErrorKind::PermissionDenied => {
                "; may the probe's user read and execute it, and enter its folder?"
            }
            _ => "",
        };
        Self::Exec { path, source: error, hint }
    }
}
