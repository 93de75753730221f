//! Step `doc`: the crates' documentation builds without a warning, broken links included.
use anyhow::Result;

use super::Findings;
use crate::workspace::{Workspace, run_tool};

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let mut command = workspace.cargo(&["doc", "--quiet", "--locked", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run_tool(&mut command, "rustdoc warns (see above)", "mend the documentation it names")
}
