//! `doctor`: what each probe can see on this host, by which hooks, why not by better ones, and what that costs.

mod bpf;
mod measure;
mod trial;
mod verdict;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use self::measure::Program;
use self::verdict::{Verdict, gather, of_item};
use super::failure::Failure;
use super::out::{Out, Style, columns, count};
use super::probes::{array, text};
use crate::app;
use crate::catalog::{Folder, Known};
use crate::control::client::Client;
use crate::supervise::Capability;

/// What was found out about a folder.
#[derive(Debug, Serialize)]
struct Examined {
    folder: String,
    /// `agent`: the process that the agent runs says so; `trial`: one that was started for a moment.
    by: &'static str,
    /// Why it cannot work at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsupported: Option<String>,
    items: Vec<Item>,
    capabilities: Vec<Capability>,
    /// Of the process that the agent runs.
    #[serde(skip)]
    pid: Option<u32>,
    /// Its eBPF programs, where they were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    programs: Option<Vec<Program>>,
}

/// What was found out about one item of a probe; a probe without items is one.
#[derive(Debug, Serialize)]
struct Item {
    probe: String,
    item: String,
    verdict: Verdict,
    reason: String,
}

/// Examines the folders of this configuration, or those alone whose folder or probe is named.
pub(super) fn run(
    config: &Path,
    names: &[String],
    time: Option<Duration>,
    client: std::io::Result<Client>,
    out: &Out,
) -> Result<(), Failure> {
    let bad_config = |error: anyhow::Error| Failure::BadConfig(format!("{error:#}"));
    let missing = app::not_installed(config).map_err(bad_config)?;
    let folders = app::folders(config).map_err(|error| Failure::BadConfig(error.to_string()))?;
    let folders = chosen(folders, &missing, names)?;
    let running = client.ok().and_then(|client| client.get("/probes").ok()).unwrap_or_default();
    let mut examined =
        folders.iter().map(|folder| examine(folder, &running)).collect::<Result<Vec<_>, _>>()?;
    let measured = time.map(|time| measured(&mut examined, time, out)).transpose()?;
    if out.json {
        let seconds = measured.map(|time| time.as_secs_f64());
        let missing = if names.is_empty() { missing } else { Vec::new() };
        out.value(&json!({ "folders": examined, "not_installed": missing, "measured_seconds": seconds }))?;
    } else {
        show(&examined, out)?;
        measured.map_or(Ok(()), |time| show_cost(&examined, time, out))?;
        for known in missing.iter().filter(|_| names.is_empty()) {
            out.line(&format!("{} is not installed: {}. {}", known.folder, known.way(), known.summary))?;
        }
    }
    let bad: Vec<_> = examined.iter().filter(|one| one.fails()).map(|one| one.folder.as_str()).collect();
    if bad.is_empty() {
        return Ok(());
    }
    let told = format!("not everything works here: {}", bad.join(", "));
    Err(Failure::Failed(if out.json { String::new() } else { told }))
}

fn chosen(folders: Vec<Folder>, missing: &[Known], names: &[String]) -> Result<Vec<Folder>, Failure> {
    let is = |folder: &Folder, name: &String| folder.name == *name || folder.manifest.probe(name).is_some();
    if let Some(name) = names.iter().find(|name| !folders.iter().any(|folder| is(folder, name))) {
        let is_known = |known: &&Known| known.folder == *name || known.probes.contains(name);
        if let Some(known) = missing.iter().find(is_known) {
            return Err(Failure::Usage(format!("{name} is not installed: {}", known.way())));
        }
        let installed: Vec<_> = folders.iter().map(|folder| folder.name.as_str()).collect();
        return Err(Failure::Usage(format!(
            "no probe {name} is installed; there are {}",
            installed.join(", ")
        )));
    }
    let wanted = |folder: &Folder| names.is_empty() || names.iter().any(|name| is(folder, name));
    Ok(folders.into_iter().filter(wanted).collect())
}

fn examine(folder: &Folder, running: &Value) -> Result<Examined, Failure> {
    let knows = |probe: &&Value| matches!(text(probe, "state").as_str(), "running" | "unsupported");
    let of_folder = |probe: &&Value| text(probe, "folder") == folder.name && knows(probe);
    let known = array(running, "probes").iter().find(of_folder);
    let pid = known.and_then(|probe| u32::try_from(probe["pid"].as_u64()?).ok());
    let (by, found) = match known {
        Some(probe) => ("agent", trial::Found { capabilities: said(probe), unsupported: unsupported(probe) }),
        None => ("trial", trial::run(folder)?),
    };
    let items = |probe: &gopher_protocol::manifest::Probe| {
        let names = probe.items.iter().map(|item| item.name.clone()).collect::<Vec<_>>();
        let names = if names.is_empty() { vec![String::new()] } else { names };
        names.into_iter().map(|item| (probe.name.clone(), item)).collect::<Vec<_>>()
    };
    let items = folder.manifest.probes.iter().flat_map(items).map(|(probe, item)| {
        let (verdict, reason) = match &found.unsupported {
            Some(why) => (Verdict::Impossible, why.clone()),
            None => of_item(&item, &found.capabilities),
        };
        Item { probe, item, verdict, reason }
    });
    let items = items.collect();
    let trial::Found { capabilities, unsupported } = found;
    let folder = folder.name.clone();
    Ok(Examined { folder, by, unsupported, items, capabilities, pid, programs: None })
}

/// Measures the programs of the probes that the agent runs; returns for how long.
fn measured(examined: &mut [Examined], time: Duration, out: &Out) -> Result<Duration, Failure> {
    let running = || examined.iter().filter_map(|one| one.pid);
    let pids: Vec<u32> = running().collect();
    if pids.is_empty() {
        return Err(Failure::Failed(
            "--measure: the agent runs none of these probes; `gopher-ctl probe start NAME` starts one"
                .to_owned(),
        ));
    }
    if !out.json {
        eprintln!("measuring for {time:?} what their programs in the kernel cost");
    }
    let (programs, took) = measure::measure(&pids, time)?;
    for (one, programs) in examined.iter_mut().filter(|one| one.pid.is_some()).zip(programs) {
        one.programs = Some(programs);
    }
    Ok(took)
}

/// Why the agent cannot let a probe work: its last words, or why it was not started.
fn unsupported(probe: &Value) -> Option<String> {
    (text(probe, "state") == "unsupported").then(|| {
        let reason = text(&probe["last_error"], "reason");
        // One that was started has said more than its exit code.
        let words = array(probe, "stderr").last().and_then(Value::as_str);
        words.filter(|_| reason.starts_with("exit code")).map_or(reason, str::to_owned)
    })
}

/// What the agent knows of a probe's capabilities.
fn said(probe: &Value) -> Vec<Capability> {
    let one = |said: &Value| Capability {
        name: text(said, "name"),
        items: text(said, "items"),
        hook: text(said, "hook"),
        fidelity: text(said, "fidelity"),
        refused: text(said, "refused"),
    };
    array(probe, "capabilities").iter().map(one).collect()
}

impl Examined {
    fn fails(&self) -> bool {
        self.items.iter().any(|item| item.verdict == Verdict::Impossible)
    }
}

fn show(examined: &[Examined], out: &Out) -> Result<(), Failure> {
    let all = || examined.iter().flat_map(|one| one.items.iter().map(move |item| (one, item)));
    let rows: Vec<_> = all()
        .map(|(one, item)| {
            let word = item.verdict.word().to_owned();
            vec![item.probe.clone(), item.item.clone(), word, one.by.to_owned()]
        })
        .collect();
    out.print(&columns(out, &["PROBE", "ITEM", "HERE", "SAYS"], &rows))?;
    let reasons = all().filter(|(_, item)| !item.reason.is_empty()).map(|(one, item)| {
        let probe = if one.unsupported.is_some() { &one.folder } else { &item.probe };
        let item_name = if one.unsupported.is_some() { "" } else { &item.item };
        ((probe, item.verdict, &item.reason), item_name)
    });
    for ((probe, verdict, reason), mut items) in gather(reasons) {
        let style = if verdict == Verdict::Impossible { Style::Bad } else { Style::Bold };
        items.dedup();
        let name = format!("{probe} {}", items.join(", "));
        out.line(&format!("{}: {reason}", out.styled(style, name.trim_end())))?;
    }
    let capabilities =
        || examined.iter().flat_map(|one| one.capabilities.iter().map(move |said| (one, said)));
    if capabilities().next().is_none() {
        return Ok(());
    }
    let rows: Vec<_> = capabilities()
        .map(|(one, said)| {
            let fidelity = said.fidelity.split(':').next().unwrap_or_default();
            vec![one.folder.clone(), said.name.clone(), said.hook.clone(), fidelity.to_owned()]
        })
        .collect();
    out.print(&format!("\n{}", columns(out, &["PROBE", "SEES", "BY", "FIDELITY"], &rows)))?;
    let refused = capabilities().filter(|(_, said)| !said.refused.is_empty());
    let refused = refused.map(|(one, said)| ((&one.folder, &said.refused), said.name.as_str()));
    for ((folder, refused), names) in gather(refused) {
        out.line(&format!("{folder} {} not by {refused}", names.join(", ")))?;
    }
    Ok(())
}

fn show_cost(examined: &[Examined], time: Duration, out: &Out) -> Result<(), Failure> {
    let all =
        || examined.iter().flat_map(|one| one.programs.iter().flatten().map(move |program| (one, program)));
    let seconds = time.as_secs_f64();
    let row = |(one, program): (&Examined, &Program)| {
        let (runs, nanoseconds) = (program.runs as f64, program.nanoseconds as f64);
        let share = format!("{:.3} %", nanoseconds / seconds / 1e7);
        let each = format!("{:.0}", nanoseconds / runs);
        vec![one.folder.clone(), program.name.clone(), format!("{:.1}", runs / seconds), each, share]
    };
    let rows: Vec<_> = all().filter(|(_, program)| program.runs > 0).map(row).collect();
    out.print(&format!("\n{}", columns(out, &["PROBE", "PROGRAM", "RUNS/S", "NS/RUN", "OF A CORE"], &rows)))?;
    let idle = all().filter(|(_, program)| program.runs == 0).count();
    out.line(&format!("in {seconds:.1} s; {} did not run", count(idle as u64, "program")))
}
