//! What can go wrong between a probe and its agent.

use gopher_protocol::manifest::Problem;
use thiserror::Error;

/// An error of the SDK.
#[derive(Debug, Error)]
pub enum Error {
    /// The agent asked the probe to stop, or is gone; `main` turns it into exit status 0.
    #[error("stopped")]
    Stopped,
    /// The embedded manifest is not valid.
    #[error("probe.toml: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Manifest(Vec<Problem>),
    /// A row names a table that the manifest does not have.
    #[error("probe.toml has no table `{0}`")]
    NoTable(String),
    /// A row sets a field that its table does not have.
    #[error("table `{table}` has no field `{field}`")]
    NoField {
        /// The table.
        table: String,
        /// The field.
        field: String,
    },
    /// A row is longer than a line may be.
    #[error("a row of table `{0}` is longer than {limit} bytes", limit = gopher_protocol::MAX_LINE)]
    RowTooLong(String),
    /// The configuration on stdin does not end its line.
    #[error("a configuration line on stdin is longer than {0} bytes")]
    ConfigTooLong(usize),
    /// A call to the kernel failed.
    #[error("{what}: {source}")]
    System {
        /// What was being tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Error {
    /// Makes an error of a failed call; for `map_err`.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(nix::errno::Errno) -> Self {
        move |errno| Self::System { what, source: errno.into() }
    }
}

/// The probe cannot work on this host: a missing kernel feature, a denied capability. Return it (also wrapped in
/// context) from the probe's `run`; the process then exits with status 78 and is not restarted.
#[derive(Debug, Error)]
#[error("not supported here: {0}")]
pub struct Unsupported(
    /// What is missing and what would help.
    pub String,
);
