//! Manual pages of both programs, from the definitions of their arguments.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::cli::Arguments;
use super::failure::Failure;
use crate::cli::Agent;

/// Writes `gala-gopher.8`, `gopher-ctl.1` and one page for each of its commands to a folder.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write(folder: &Path) -> Result<(), Failure> {
    page(Agent::command(), "8", folder)?;
    let mut control = Arguments::command();
    // Names the pages of commands after all words that lead to them.
    control.build();
    pages(control, folder)
}

fn pages(command: Command, folder: &Path) -> Result<(), Failure> {
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        pages(inner.clone(), folder)?;
    }
    page(command, "1", folder)
}

fn page(command: Command, section: &str, folder: &Path) -> Result<(), Failure> {
    let page = Man::new(command).section(section).manual("gala-gopher").date("");
    let failed = |error| Failure::Failed(format!("writing manual pages to {}: {error}", folder.display()));
    page.generate_to(folder).map(|_| ()).map_err(failed)
}
