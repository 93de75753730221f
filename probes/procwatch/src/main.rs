//! The internal probe `procwatch`: tells the agent at once of processes that start, change and end.

mod hooks;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use probe_bpf::Ring;
use probe_sdk::protocol::notice::{Happened, News};
use probe_sdk::{Context, Wake};
use skeleton::{ProcwatchSkelBuilder, types};

probe_bpf::skeleton!("procwatch");
probe_bpf::shared!(types::news);

/// After the first of some news: what comes in this time is read and written in one piece.
const GATHER: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    probe_sdk::main(include_str!("../probe.toml"), run)
}

fn run(ctx: &mut Context) -> anyhow::Result<()> {
    let namespace = probe_bpf::namespace()?;
    let programs = probe_bpf::load(ProcwatchSkelBuilder::default, hooks::CAPABILITIES, |open| {
        if let Some(data) = open.maps.rodata_data.as_deref_mut() {
            data.namespace = namespace;
        }
        Ok(())
    })?;
    programs.report(ctx)?;
    let mut ring = Ring::new(&programs.skeleton.maps.ring)?;
    ctx.watch(ring.fd())?;
    ctx.ready()?;
    while let Some(wake) = ctx.next()? {
        if wake == Wake::Readable {
            sleep(GATHER);
            for types::news { pid, happened } in ring.drain()? {
                if let Some(happened) = what(happened) {
                    ctx.news(News { pid, happened })?;
                }
            }
        } else {
            let lost = programs.skeleton.maps.bss_data.as_deref().map_or(0, |data| data.lost_ring);
            ctx.lost("news", lost + programs.missed() + ring.odd())?;
        }
    }
    Ok(())
}

fn what(happened: types::happened) -> Option<Happened> {
    match happened {
        types::happened::HAPPENED_STARTED => Some(Happened::Started),
        types::happened::HAPPENED_CHANGED => Some(Happened::Changed),
        types::happened::HAPPENED_ENDED => Some(Happened::Ended),
        _ => None,
    }
}
