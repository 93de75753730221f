//! The agent and, under the name `gopher-ctl`, the operator's tool: arguments, then the work, then an exit code.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use gala_gopher::cli::Agent;
use gala_gopher::{app, contain, ctl};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    if Path::new(&name).file_name() == Some(OsStr::new("gopher-ctl")) {
        return ctl::run(&ctl::Arguments::parse());
    }
    if words.next().is_some_and(|word| word == "keeper") {
        return contain::keeper_main();
    }
    let arguments = Agent::parse();
    let result = if arguments.check { app::check(&arguments.config) } else { app::run(&arguments.config) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gala-gopher: {error:#}");
            ExitCode::from(app::exit_code(&error))
        }
    }
}
