//! Step `third-party`: the licences and the bill of materials are those of the crates in Cargo.lock.
use anyhow::Result;

use super::{Findings, Violation};
use crate::third_party;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let violation = |file: &str| Violation {
        file: file.to_owned(),
        line: 0,
        rule: "it is not what the linked crates say".to_owned(),
        way_out: "run `cargo xtask third-party`".to_owned(),
    };
    Ok(third_party::stale(workspace)?.into_iter().map(violation).collect::<Vec<_>>().into())
}
