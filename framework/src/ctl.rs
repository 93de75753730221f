//! `gopher-ctl`: what an operator or the author of a probe does by hand, and scripts do for them.
//!
//! Each command is a module; all of them say what they found through `out::Out`, as text for people or as JSON.

mod check;
mod cli;
mod config;
mod failure;
mod new;
mod out;
mod run;

use std::process::ExitCode;

pub use self::cli::Arguments;
use self::cli::{Command, ConfigCommand, ProbeCommand};
use self::failure::Failure;
use self::out::Out;

/// Does what the arguments ask for and gives the exit code.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    let out = Out::new(arguments.json);
    match command(arguments, &out) {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn command(arguments: &Arguments, out: &Out) -> Result<(), Failure> {
    match &arguments.command {
        Command::Probe(ProbeCommand::Check { folder }) => check::run(folder, out),
        Command::Probe(ProbeCommand::Run(wanted)) => run::run(wanted, out),
        Command::Probe(ProbeCommand::New(wanted)) => new::run(wanted, out),
        Command::Config(ConfigCommand::Check { file }) => config::check(file, out),
        Command::Completions { shell } => out.print(&cli::completions(*shell)),
    }
}
