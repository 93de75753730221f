//! The probes `tcp` and `socket`: the network of processes.

mod fallback;
mod hooks;
mod programs;
mod rows;
mod timer;

use std::process::ExitCode;
use std::time::Duration;

use probe_sdk::{Context, Wake};
use programs::Programs;
use timer::Timer;

probe_bpf::skeleton!("net");

/// Time between two looks at all connections where only `socket` runs.
const SWEEP: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    probe_sdk::main(include_str!("../probe.toml"), run)
}

fn run(ctx: &mut Context) -> anyhow::Result<()> {
    match Programs::load() {
        Ok(programs) => watch(ctx, programs),
        Err(error) => fallback::run(ctx, &format!("{error:#}")),
    }
}

fn watch(ctx: &mut Context, mut programs: Programs) -> anyhow::Result<()> {
    programs.report(ctx)?;
    let mut timer = Timer::new()?;
    ctx.watch(timer.fd())?;
    ctx.ready()?;
    while let Some(wake) = ctx.next()? {
        match wake {
            Wake::Configured => {
                programs.configure(ctx)?;
                timer.every(ctx.param_u64("sample_period").map_or(SWEEP, Duration::from_millis))?;
            }
            Wake::Readable => {
                timer.taken();
                programs.sweep()?;
            }
            Wake::Tick => {
                let sums = programs.end_period()?;
                rows::write(ctx, &programs.bounds, &sums)?;
                programs.tell_losses(ctx)?;
            }
        }
    }
    Ok(())
}
