//! Step `fmt`: every Rust file is formatted as rustfmt.toml says.
use anyhow::Result;

use super::Findings;
use crate::workspace::{Workspace, run_tool};

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let mut command = workspace.cargo(&["fmt", "--all", "--check"]);
    run_tool(&mut command, "the files named above are not formatted", "run `cargo fmt --all`")
}
