//! Says how busy the host is.

use std::process::ExitCode;

use anyhow::Context as _;
use probe_sdk::{Context, Wake};

const LOAD: &str = "/proc/loadavg";
const HOST: &str = "/proc/sys/kernel/hostname";

fn main() -> ExitCode {
    probe_sdk::main(include_str!("../probe.toml"), run)
}

fn run(ctx: &mut Context) -> anyhow::Result<()> {
    while let Some(wake) = ctx.next()? {
        if wake == Wake::Tick {
            report(ctx)?;
        }
    }
    Ok(())
}

fn report(ctx: &mut Context) -> anyhow::Result<()> {
    let host = std::fs::read_to_string(HOST).with_context(|| format!("reading {HOST}"))?;
    let load = std::fs::read_to_string(LOAD).with_context(|| format!("reading {LOAD}"))?;
    let mut words = load.split(' ');
    let load1 = words.next().and_then(|word| word.parse::<f64>().ok());
    let tasks = words.nth(2).and_then(|word| word.split_once('/')).and_then(|(_, all)| all.parse::<u64>().ok());
    let row = ctx.row("my_probe")?.set("host", host.trim());
    row.set("load1", load1).set("tasks", tasks).send()?;
    Ok(())
}
