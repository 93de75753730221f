//! `cargo xtask`: the checks that guard the repository and the pages generated from it.
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod metrics;
mod new_probe;
mod source;
mod third_party;
mod workspace;

use self::workspace::Generated;

/// The project's own checks and generators.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check that needs no running agent, or one of them.
    Check {
        /// Run this step alone.
        #[arg(long, value_name = "STEP", value_parser = check::step_names())]
        only: Option<String>,
    },
    /// Write doc/metrics.md from the manifests of all probe folders.
    Metrics(Generated),
    /// Write licences and bill of materials of what the programs contain of others: build/packaging/{THIRD-PARTY,sbom.cdx.json}.
    ThirdParty(Generated),
    /// Make a probe with eBPF programs in probes/NAME, that works and is to be changed.
    NewProbe {
        /// Its name: small letters, digits, `_` and `-`, a letter first, at most 32.
        name: String,
    },
}

fn main() -> ExitCode {
    let passed = match Arguments::parse().task {
        Task::Check { only } => check::run(only.as_deref()),
        Task::Metrics(wanted) => metrics::run(wanted.check),
        Task::ThirdParty(wanted) => third_party::run(wanted.check),
        Task::NewProbe { name } => new_probe::run(&name),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
