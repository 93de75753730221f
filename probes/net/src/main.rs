//! The probes `tcp` and `socket`: the network of processes.

mod fallback;
mod hooks;
mod programs;
mod rows;
mod said;
mod services;
mod timer;
mod watch;

use std::process::ExitCode;

use probe_sdk::{Context, Unsupported};
use programs::Programs;

probe_bpf::skeleton!("net");

fn main() -> ExitCode {
    probe_sdk::main(include_str!("../probe.toml"), run)
}

fn run(ctx: &mut Context) -> anyhow::Result<()> {
    match Programs::load() {
        Ok(programs) => watch::run(ctx, programs),
        Err(error) => {
            let unsupported = error.downcast_ref().map(|Unsupported(why)| why.clone());
            fallback::run(ctx, &unsupported.unwrap_or_else(|| format!("{error:#}")))
        }
    }
}
