//! `config check`: what the agent would say of a configuration.

use std::path::Path;

use serde_json::json;

use super::check::{place, refuse};
use super::failure::Failure;
use super::out::{Out, Style};
use crate::app::{self, Checked};
use crate::config::LoadError;

/// Checks a configuration and the folders that it names.
pub(super) fn check(file: &Path, out: &Out) -> Result<(), Failure> {
    let checked = match app::examine(file) {
        Ok(checked) => checked,
        Err(LoadError::Invalid(problems)) => Checked { problems: problems.0, ..Checked::default() },
        Err(error @ LoadError::Read { .. }) => return Err(Failure::BadConfig(error.to_string())),
    };
    let good = checked.problems.is_empty();
    if out.json {
        let problems: Vec<_> = checked.problems.iter().map(place).collect();
        let warnings: Vec<_> = checked.warnings.iter().map(place).collect();
        out.value(&json!({ "file": file, "good": good, "problems": problems, "warnings": warnings }))?;
        return if good { Ok(()) } else { Err(Failure::BadConfig(String::new())) };
    }
    for warning in &checked.warnings {
        out.line(&format!("{} {warning}", out.styled(Style::Bold, "warning:")))?;
    }
    if !good {
        return Err(refuse(&checked.problems, out)?);
    }
    out.line(&format!("{}: {}; {}", file.display(), out.styled(Style::Good, "good"), checked.summary))
}
