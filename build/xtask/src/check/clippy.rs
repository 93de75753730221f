//! Step `clippy`: no warning in any target of the workspace.
use anyhow::Result;

use super::Findings;
use crate::workspace::{Workspace, run_tool};

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let mut command = workspace.cargo(&[
        "clippy",
        "--quiet",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]);
    run_tool(
        &mut command,
        "clippy warns (see above)",
        "mend what it names; `cargo clippy --fix` mends much of it",
    )
}
