//! A broker that is away for a while under load: what the agent loses, doubles and needs.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::agent::{Agent, Ground, sample};
use super::figure::{Goal, figure};
use super::http::Client;
use super::scrape::to_f64;
use crate::kafka::Kafka;

/// Rows a second.
const RATE: u64 = 5000;
const KEYS: u64 = 1000;
/// Seconds of rows before the outage and after it.
const AROUND: u64 = 10;
const BROKER: usize = 1;

/// Stops the broker for so many seconds, starts it again, and compares all rows written with all rows read back.
pub(super) fn run(seconds: u64) -> Result<()> {
    let rows = RATE * (seconds + 2 * AROUND);
    let mut broker = Kafka::start_fast(BROKER);
    let ground = Ground::new()?;
    ground.probe("load", &["numbered", &RATE.to_string(), &rows.to_string()])?;
    ground.add(&format!("[export.kafka]\nenabled = true\nbrokers = [{:?}]\n", broker.plain()))?;
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    until(&agent, &mut client, |counts| counts.sent > to_f64(RATE * AROUND))?;
    eprintln!("outage: the broker stops for {seconds} s");
    broker.stop();
    sleep(Duration::from_secs(seconds));
    // The agent closes connections on which no request comes.
    client = agent.client()?;
    let waiting = counts(&client.text()?).context("no counts")?.queued;
    let disk = fs::read_dir(ground.path("state/spool/kafka"))?
        .map(|file| Ok(file?.metadata()?.len()))
        .sum::<Result<u64>>()?;
    let memory = agent.resident()?;
    broker.restart();
    let begun = Instant::now();
    // The table is one more.
    let end = until(&agent, &mut client, |counts| counts.sent > to_f64(rows) && counts.queued < 1.0)?;
    eprintln!("outage: {end:?} {:.1} s after the broker was back", begun.elapsed().as_secs_f64());
    let (lost, doubled, late) = compare(&broker, rows)?;
    let name = |what: &str| format!("kafka, outage of {seconds} s at {RATE} rows/s: {what}");
    figure(&name("rows lost"), "rows", lost, Goal::AtMost(0.0));
    figure(&name("rows twice"), "rows", doubled, Goal::AtMost(0.0));
    figure(&name("rows out of order within a series"), "rows", late, Goal::AtMost(0.0));
    figure(&name("rows dropped or failed as the agent counts"), "rows", end.lost, Goal::AtMost(0.0));
    figure(&name("rows that waited at its end"), "rows", waiting, Goal::None);
    figure(&name("on disk at its end"), "MB", to_f64(disk) / 1e6, Goal::None);
    figure(&name("resident memory of the agent at its end"), "MB", memory / 1e6, Goal::None);
    Ok(())
}

#[derive(Debug)]
struct Counts {
    sent: f64,
    lost: f64,
    queued: f64,
}

/// `None` before the exporter has started.
fn counts(page: &str) -> Option<Counts> {
    let outcome = |name: &str| {
        let start = "gala_gopher_agent_export_rows_total{exporter=\"kafka\",outcome=";
        sample(page, &format!("{start}\"{name}\"}}"))
    };
    let queued = sample(page, "gala_gopher_agent_export_queued{exporter=\"kafka\"}")?;
    Some(Counts { sent: outcome("sent")?, lost: outcome("failed")? + outcome("dropped")?, queued })
}

fn until(agent: &Agent, client: &mut Client, wanted: impl Fn(&Counts) -> bool) -> Result<Counts> {
    let end = Instant::now() + Duration::from_secs(90);
    let mut last = None;
    while Instant::now() < end {
        last = counts(&client.text()?);
        match last.take() {
            Some(counts) if wanted(&counts) => return Ok(counts),
            other => last = other,
        }
        sleep(Duration::from_millis(100));
    }
    bail!("the agent {} did not get there: {last:?}", agent.pid())
}

/// How many of the numbered rows the broker lacks, has more than once, and has in another order than they were written.
fn compare(broker: &Kafka, rows: u64) -> Result<(f64, f64, f64)> {
    let read = broker.read("gala_gopher", usize::try_from(rows * 2)?, 10_000);
    let mut seen = vec![0_u64; usize::try_from(rows)?];
    let (mut last, mut late) = (BTreeMap::new(), 0);
    for line in &read {
        let (key, value) = line.split_once('\t').context("no key")?;
        let value: Value = serde_json::from_str(value)?;
        let number: u64 = value["used_bytes"].as_str().context("no number")?.parse()?;
        *seen.get_mut(usize::try_from(number)?).context("a row that nobody wrote")? += 1;
        late += u64::from(last.insert(key, number).is_some_and(|before| before > number));
    }
    let lost = seen.iter().filter(|count| **count == 0).count();
    let doubled: u64 = seen.iter().map(|count| count.saturating_sub(1)).sum();
    ensure!(!read.is_empty(), "nothing was read back");
    Ok((to_f64(lost as u64), to_f64(doubled), to_f64(late)))
}

/// The keys of the numbered rows.
pub(super) fn row(number: u64) -> String {
    let key = number % KEYS;
    format!("|bench_rows|row-{key:06}|eth{}|up|nginx|{number}|{}.5|{number}|700|3|12|\n", key % 8, key % 100)
}
