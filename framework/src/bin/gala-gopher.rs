//! The agent: arguments, then the application, then an exit code.

use std::process::ExitCode;

use clap::Parser;
use gala_gopher::app;
use gala_gopher::cli::Agent;
use gala_gopher::contain;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "keeper") {
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
