//! The operator's tool: arguments, then the command, then an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use gala_gopher::ctl;

fn main() -> ExitCode {
    ctl::run(&ctl::Arguments::parse())
}
