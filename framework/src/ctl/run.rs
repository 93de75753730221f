//! `probe run`: a probe folder outside the agent, its rows checked as the agent checks them.

mod process;
mod report;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gopher_protocol::PROTOCOL;
use gopher_protocol::control::{ConfigMessage, Scope};
use gopher_protocol::manifest::Manifest;

pub(super) use self::process::{Event, Process};
use self::tally::Tally;
use super::check;
use super::cli::Run;
use super::failure::Failure;
use super::out::{Out, Style, shown};
use crate::app::plan::plan;
use crate::catalog::{Catalog, Finding, Folder, check_probes};
use crate::config::{Config, Loaded, ProbeConfig, ProbeState};

/// How long a probe may take to end after it was told to, as in the agent.
const GRACE: Duration = Duration::from_secs(3);

/// How a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its time was over, or somebody pressed Ctrl-C; it ended when told to.
    Stopped,
    /// It did not heed TERM.
    Killed,
    /// It ended of itself, with this code or in these words.
    Itself(Option<i32>),
}

/// Runs the probe and shows what it wrote.
pub(super) fn run(wanted: &Run, out: &Out) -> Result<(), Failure> {
    let folder = match check::load(&wanted.folder) {
        Ok(folder) => folder,
        Err(problems) => return Err(check::refuse(&problems, out)?),
    };
    let message = configuration(&folder, wanted)?;
    let mut process = Process::start(&folder, &message)?;
    let mut tally = Tally::new(&folder.manifest);
    let begun = Instant::now();
    let end = follow(&mut process, &mut tally, wanted.time, out)?;
    let report = report::Report { manifest: &folder.manifest, tally: &tally, end, took: begun.elapsed() };
    report.write(out)?;
    report.verdict().map_or(Ok(()), |why| Err(Failure::Failed(if out.json { String::new() } else { why })))
}

/// Takes lines until the time is over and the process has gone.
fn follow(process: &mut Process, tally: &mut Tally, time: Duration, out: &Out) -> Result<End, Failure> {
    let mut deadline = Instant::now() + time;
    let mut end = None;
    loop {
        match process.next(deadline) {
            Event::Line(line) => tally.line(&line),
            Event::TooLong => tally.too_long(),
            Event::Said(text) => say(&text, out),
            Event::Silent => {}
            Event::Closed(code) => return Ok(end.unwrap_or(End::Itself(code))),
            Event::Time if end.is_none() => {
                process.stop()?;
                end = Some(End::Stopped);
                deadline = Instant::now() + GRACE;
            }
            Event::Time => {
                process.kill();
                end = Some(End::Killed);
                deadline = Instant::now() + GRACE;
            }
        }
    }
}

/// Shows text of the probe as it comes, apart from the report.
fn say(text: &str, out: &Out) {
    eprintln!("{} {}", out.styled(Style::Faint, "probe says:"), shown(text));
}

/// All probes of the folder with all their items and their defaults.
pub(super) fn everything(folder: &Folder) -> Result<ConfigMessage, Failure> {
    let (items, params) = (Vec::new(), Vec::new());
    configuration(folder, &Run { folder: folder.path.clone(), time: Duration::ZERO, items, params })
}

/// Every probe of the folder with its defaults and what the arguments change.
fn configuration(folder: &Folder, wanted: &Run) -> Result<ConfigMessage, Failure> {
    let manifest = &folder.manifest;
    let mut config = Config::default();
    for probe in &manifest.probes {
        config
            .probes
            .insert(probe.name.clone(), ProbeConfig { state: ProbeState::Running, ..ProbeConfig::default() });
    }
    choose_items(manifest, &wanted.items, &mut config);
    for text in &wanted.params {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--params: `{text}` is no NAME=VALUE")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        let knows = |probe: &&gopher_protocol::manifest::Probe| probe.params.contains_key(name);
        for probe in owners(manifest, knows) {
            if let Some(config) = config.probes.get_mut(&probe) {
                config.params.insert(name.to_owned(), serde_json::Value::clone(&value));
            }
        }
    }
    refuse_unknown(folder, &config)?;
    let whole_host = |_: &str| Scope { all: true, ..Scope::default() };
    Ok(ConfigMessage { version: PROTOCOL, generation: 1, probes: plan(&config, manifest, whole_host) })
}

/// Gives each probe those of the items that it has; one that has none of them does not run.
fn choose_items(manifest: &Manifest, items: &[String], config: &mut Config) {
    if items.is_empty() {
        return;
    }
    let mut chosen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in items {
        for probe in owners(manifest, |probe| probe.items.iter().any(|known| known.name == *item)) {
            chosen.entry(probe).or_default().push(item.clone());
        }
    }
    for (name, probe) in &mut config.probes {
        probe.items = chosen.remove(name);
        if probe.items.is_none() {
            probe.state = ProbeState::Stopped;
        }
    }
}

/// The probes that know something; the first, which will say what is allowed, where none does.
fn owners(manifest: &Manifest, knows: impl Fn(&&gopher_protocol::manifest::Probe) -> bool) -> Vec<String> {
    let mut names: Vec<_> = manifest.probes.iter().filter(knows).map(|probe| probe.name.clone()).collect();
    if names.is_empty() {
        names.extend(manifest.probes.first().map(|probe| probe.name.clone()));
    }
    names
}

fn refuse_unknown(folder: &Folder, config: &Config) -> Result<(), Failure> {
    let loaded = Loaded { config: config.clone(), ..Loaded::default() };
    let mut catalog = Catalog::default();
    catalog.folders.insert(folder.name.clone(), Arc::new(folder.clone()));
    let wrong = check_probes(&loaded, &catalog).into_iter().filter_map(|finding| match finding {
        Finding::Wrong(problem) => Some(format!("{}: {}", problem.key, problem.message)),
        Finding::NotInstalled(_) => None,
    });
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Usage(wrong.join("\n"))) }
}

#[cfg(test)]
mod tests;
