//! From a written line to a scrape, from a crash to running again, from the start to the first complete scrape.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::agent::{Agent, Ground, sample};
use super::figure::{Goal, figure};
use super::measure::{median, now, quantile};
use super::probe::open_file;
use super::scrape::to_f64;

const FLOOD: u64 = 100_000;
const SCRAPES: u64 = 1000;
const CRASHES: usize = 10;
const STARTS: usize = 10;
const FOLDERS: usize = 20;

/// Line written → contained in a scrape begun then, while another folder writes 100 k lines/s.
pub(super) fn freshness() -> Result<()> {
    let ground = Ground::new()?;
    let file = ground.path("times");
    open_file(&file)?;
    ground.probe("stamp", &["stamp", &format!("at={}", file.display())])?;
    ground.probe("flood", &["flood", &FLOOD.to_string(), "1000"])?;
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    agent.wait_for(&mut client, |page| stamp(page).is_ok())?;
    sleep(Duration::from_secs(1));
    let lines = |page: &str| sample(page, "gala_gopher_agent_lines_total{probe=\"flood\"}").unwrap_or(0.0);
    let (begun, first) = (Instant::now(), client.text()?);
    let mut scrapes = Vec::new();
    let mut last = String::new();
    for round in 0..SCRAPES {
        sleep(Duration::from_millis(5 + round * 7 % 11));
        let at = now();
        last = client.text()?;
        scrapes.push((at, stamp(&last)?, now()));
    }
    let rate = (lines(&last) - lines(&first)) / begun.elapsed().as_secs_f64();
    sleep(Duration::from_millis(100));
    let times = fs::read(&file)?;
    let written = |number: usize| -> Result<u64> {
        let bytes = times.get(number * 8..number * 8 + 8).context("a line that was never written")?;
        Ok(u64::from_le_bytes(bytes.try_into()?))
    };
    // The age, when the scrape began, of the oldest line that it lacks.
    let ages: Result<Vec<_>> = scrapes
        .iter()
        .map(|(at, shown, _)| Ok(to_f64(at.saturating_sub(written(shown + 1)?)) / 1e6))
        .collect();
    let mut ages = ages?;
    ages.sort_by(f64::total_cmp);
    let arrived: Result<Vec<_>> = scrapes
        .iter()
        .map(|(_, shown, end)| Ok(to_f64(end.saturating_sub(written(*shown)?)) / 1e6))
        .collect();
    let mut arrived = arrived?;
    arrived.sort_by(f64::total_cmp);
    figure(
        "newest line on a page when the page has arrived: its age, p99",
        "ms",
        quantile(&arrived, 0.99),
        Goal::None,
    );
    figure("line written to scrape begun, p99", "ms", quantile(&ages, 0.99), Goal::AtMost(10.0));
    figure("line written to scrape begun, median", "ms", quantile(&ages, 0.5), Goal::None);
    figure("line written to scrape begun, largest", "ms", quantile(&ages, 1.0), Goal::None);
    figure("lines of the other folder meanwhile", "lines/s", rate, Goal::AtLeast(to_f64(FLOOD) * 0.99));
    account(&last)
}

fn stamp(page: &str) -> Result<usize> {
    let line = page.lines().find(|line| line.starts_with("gala_gopher_stamp_used_bytes{id=\"stamp\""));
    Ok(line.and_then(|line| line.rsplit(' ').next()).context("no stamp")?.parse()?)
}

/// Every line of the flood has a fate, and that fate is to be accepted.
fn account(page: &str) -> Result<()> {
    let lost = page.lines().filter(|line| {
        line.starts_with("gala_gopher_agent_rows_total")
            && !line.contains("accepted")
            && !line.ends_with(" 0")
    });
    let lost: Vec<_> = lost.collect();
    ensure!(lost.is_empty(), "lines were refused: {lost:?}");
    Ok(())
}

/// Crash → running, after a minute without one.
pub(super) fn crash() -> Result<()> {
    let ground = Ground::new()?;
    let names: Vec<_> = (0..CRASHES).map(|number| format!("crash{number}")).collect();
    for name in &names {
        ground.probe(name, &["rows", "10", "1000"])?;
    }
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    agent.wait_for(&mut client, |page| names.iter().all(|name| pid(page, name).is_some()))?;
    eprintln!("gopher-bench: a quiet minute");
    sleep(Duration::from_secs(62));
    let mut client = agent.client()?; // The agent closes a connection that is idle for a minute.
    let times: Result<Vec<_>> = names.iter().map(|name| crash_one(&agent, &mut client, name)).collect();
    let mut times = times?;
    times.sort_by(f64::total_cmp);
    figure("crash to running, median", "ms", quantile(&times, 0.5), Goal::AtMost(50.0));
    figure("crash to running, slowest of 10", "ms", quantile(&times, 1.0), Goal::AtMost(50.0));
    Ok(())
}

/// Running = a scrape shows a row of the new process.
fn crash_one(agent: &Agent, client: &mut super::http::Client, name: &str) -> Result<f64> {
    let old = pid(&client.text()?, name).context("the probe is not running")?;
    let begun = Instant::now();
    kill(Pid::from_raw(old.parse()?), Signal::SIGKILL)?;
    agent.wait_for(client, |page| pid(page, name).is_some_and(|new| new != old))?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// The process that wrote the rows of a folder, by its signature.
fn pid(page: &str, folder: &str) -> Option<String> {
    let start = format!("gala_gopher_{folder}_used_bytes{{id=\"pid\"");
    Some(page.lines().find(|line| line.starts_with(&start))?.rsplit(' ').next()?.to_owned())
}

/// Start of the agent → a scrape with the rows of 20 folders.
pub(super) fn start() -> Result<()> {
    let ground = Ground::new()?;
    let names: Vec<_> = (0..FOLDERS).map(|number| format!("small{number}")).collect();
    for name in &names {
        ground.probe(name, &["rows", "10", "5000"])?;
    }
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut agent = ground.start()?;
        let mut client = agent.client()?;
        agent.wait_for(&mut client, |page| names.iter().all(|name| pid(page, name).is_some()))?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    figure(
        "start with 20 folders to first complete scrape, median",
        "ms",
        median(times.clone()),
        Goal::AtMost(150.0),
    );
    figure("start with 20 folders, slowest of 10", "ms", times.into_iter().fold(0.0, f64::max), Goal::None);
    Ok(())
}
