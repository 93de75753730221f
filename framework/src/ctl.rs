//! `gopher-ctl`: what an operator or the author of a probe does by hand, and scripts do for them.
//!
//! Each command is a module; all of them say what they found through `out::Out`, as text for people or as JSON. Those
//! that ask a running agent do so through [`crate::control::client`].

mod check;
mod cli;
mod config;
mod container;
mod doctor;
mod failure;
mod import;
mod jvm;
mod man;
mod metric;
mod new;
mod out;
mod probes;
mod run;
mod settle;
mod show;
mod switch;
mod top;
mod topology;

use std::process::ExitCode;

pub use self::cli::Arguments;
use self::cli::{Command, ConfigCommand, ProbeCommand};
use self::failure::Failure;
use self::out::Out;
use crate::control::client::Client;

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
    let client = || Client::new(&arguments.socket);
    match &arguments.command {
        Command::Probe(wanted) => probe(wanted, &client, out),
        Command::Metric { filter, watch } => metric::run(&client()?, filter.as_deref(), *watch, out),
        Command::Events { follow, count } => show::events(&client()?, *follow, *count, out),
        Command::Table { name } => show::tables(&client()?, name.as_deref(), out),
        Command::Config(ConfigCommand::Check { file }) => config::check(file, out),
        Command::Config(ConfigCommand::Diff) => show::differences(&client()?, out),
        Command::Config(ConfigCommand::Import(wanted)) => import::run(wanted, out),
        Command::Topology(wanted) => topology::run(&client()?, wanted, out),
        Command::Top { every, once } => top::run(client()?, *every, *once, out),
        Command::Doctor { config, names, measure } => doctor::run(config, names, *measure, client(), out),
        Command::Completions { shell } => out.print(&cli::completions(*shell)),
        Command::Man { folder } => man::write(folder),
        Command::Jvm { pid, command, arguments } => jvm::run(*pid, command, arguments, out),
        Command::Container { command } => container::run(command),
    }
}

fn probe(
    wanted: &ProbeCommand,
    client: &dyn Fn() -> std::io::Result<Client>,
    out: &Out,
) -> Result<(), Failure> {
    match wanted {
        ProbeCommand::List => probes::list(&client()?, out),
        ProbeCommand::Get { name } => probes::get(&client()?, name, out),
        ProbeCommand::Set { name, document } => probes::set(&client()?, name, document, out),
        ProbeCommand::Start { name } => switch::start(&client()?, name, out),
        ProbeCommand::Stop { name } => switch::stop(&client()?, name, out),
        ProbeCommand::Restart { name } => switch::restart(&client()?, name, out),
        ProbeCommand::Logs { name } => probes::logs(&client()?, name, out),
        ProbeCommand::Check { folder } => check::run(folder, out),
        ProbeCommand::Run(wanted) => run::run(wanted, out),
        ProbeCommand::New(wanted) => new::run(wanted, out),
    }
}
