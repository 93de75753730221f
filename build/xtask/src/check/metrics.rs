//! Step `metrics`: the page of metrics is what the manifests say.
use anyhow::Result;

use super::{Findings, Violation};
use crate::metrics::{PAGE, is_current};
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    if is_current(workspace)? {
        return Ok(Findings::default());
    }
    let rule = "the page differs from what the manifests say".to_owned();
    Ok(vec![Violation {
        file: PAGE.to_owned(),
        line: 0,
        rule,
        way_out: "run `cargo xtask metrics`".to_owned(),
    }]
    .into())
}
