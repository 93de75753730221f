//! The probe `template`: signals that processes get.

mod hooks;

use std::process::ExitCode;

use probe_bpf::{Period, ScopeMap};
use probe_sdk::{Context, Wake};
use skeleton::{TemplateSkelBuilder, types};

probe_bpf::skeleton!("template");
probe_bpf::shared!(types::process, types::tally);

fn main() -> ExitCode {
    probe_sdk::main(include_str!("../probe.toml"), run)
}

fn run(ctx: &mut Context) -> anyhow::Result<()> {
    let namespace = probe_bpf::namespace()?;
    let mut programs = probe_bpf::load(TemplateSkelBuilder::default, hooks::CAPABILITIES, |open| {
        if let Some(data) = open.maps.rodata_data.as_deref_mut() {
            data.namespace = namespace;
        }
        Ok(())
    })?;
    programs.report(ctx)?;
    let maps = &programs.skeleton.maps;
    let mut tallies: Period<types::process, types::tally> =
        Period::new(&maps.tallies, &maps.tallies_0, &maps.tallies_1)?;
    let mut scope = ScopeMap::new(&maps.scope)?;
    ctx.ready()?;
    while let Some(wake) = ctx.next()? {
        match wake {
            Wake::Configured => {
                let all = scope.sync(ctx.scope())?;
                if let Some(data) = programs.skeleton.maps.bss_data.as_deref_mut() {
                    data.scope_all = all;
                }
                programs.serve(|item| ctx.item(item))?;
            }
            Wake::Tick => {
                tallies.end(|process, tally| {
                    let row = ctx.row("template")?.set("tgid", process.tgid);
                    Ok(row.set("delivered", tally.delivered).set("discarded", tally.discarded).send()?)
                })?;
                let lost = programs.skeleton.maps.bss_data.as_deref().map_or(0, |data| data.lost_tallies);
                ctx.lost("processes", lost)?;
                ctx.lost("processes_in_scope", scope.left_out())?;
                ctx.lost("program_runs", programs.missed())?;
            }
            Wake::Readable => {}
        }
    }
    Ok(())
}
