//! The probe `baseinfo`: facts of the host from /proc, /sys, netlink and statvfs.

mod alarms;
#[cfg(test)]
mod allocations;
mod collect;
mod cpu;
mod disk;
mod fs;
mod host;
mod mem;
mod net;
mod nic;
mod previous;
mod proc;
mod shared;

use std::process::ExitCode;

use probe_sdk::{Context, Wake};

/// The manifest, which is also what the agent reads.
const MANIFEST: &str = include_str!("../probe.toml");

fn main() -> ExitCode {
    probe_sdk::main(MANIFEST, run)
}

fn run(ctx: &mut Context) -> anyhow::Result<()> {
    let mut collectors = collect::Collectors::new(shared::Shared::from_env()?);
    while let Some(wake) = ctx.next()? {
        match wake {
            Wake::Configured => collectors.configure(ctx),
            Wake::Tick => collectors.tick(ctx)?,
            // It watches nothing.
            Wake::Readable => {}
        }
    }
    Ok(())
}
