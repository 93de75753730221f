//! Lines from a pipe into the store, beside a loop that only counts them.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use gala_gopher::enrich::Processes;
use gala_gopher::ingest::Intakes;
use gala_gopher::store::{Limits, Store};
use gala_gopher::supervise::LineSink;
use gala_gopher::telemetry::{AgentMetrics, FolderCounters};
use gopher_protocol::manifest::Manifest;

use super::figure::{Goal, figure};
use super::lines::MANIFEST;
use super::measure::{Spent, median, pin, spent};

const LINES: u64 = 4_000_000;
const ROUNDS: usize = 5;
const READER: usize = 0;
const WRITER: usize = 1;

/// The stages from a line to the store, joined as the agent joins them.
pub(super) struct Stages {
    pub(super) store: Arc<Store>,
    pub(super) metrics: AgentMetrics,
    pub(super) intakes: Intakes,
}

impl Stages {
    pub(super) fn new() -> Result<Self> {
        let metrics = AgentMetrics::new()?;
        let limits = Limits {
            record_timeout: 600_000,
            series_per_table: 1_000_000,
            series_total: 1_000_000,
            event_window: 0,
        };
        let machine = ("machine_id".to_owned(), "0123456789abcdef0123456789abcdef".to_owned());
        let globals = vec![machine, ("hostname".to_owned(), "bench".to_owned())];
        let store =
            Arc::new(Store::new(limits, globals.into(), Arc::new(Processes::new("/".as_ref())), false));
        let manifest = Manifest::parse(MANIFEST).map_err(|problems| anyhow!("{problems:?}"))?;
        let intakes = Intakes::new(metrics.clone(), Arc::new(gala_gopher::enrich::Feed::default()));
        intakes.set(&manifest, store.folder(&manifest));
        Ok(Self { store, metrics, intakes })
    }

    /// Ingests whole lines, in pieces as the supervisor hands them on.
    pub(super) fn accept(&self, text: &str) -> Result<()> {
        let mut intake = self.intakes.intake("bench").context("the folder is gone")?;
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let most = &rest[..rest.len().min(65_536)];
            let end = memchr::memrchr(b'\n', most).context("no whole line")? + 1;
            intake.accept(&rest[..end], &mut |_| {});
            rest = &rest[end..];
        }
        Ok(())
    }
}

/// Measures every cardinality; `profile` as an argument repeats one long run without the figures.
pub(super) fn run(arguments: &mut impl Iterator<Item = String>) -> Result<()> {
    pin(READER)?;
    if arguments.next().as_deref() == Some("profile") {
        let stages = Stages::new()?;
        let mut intake = stages.intakes.intake("bench").context("no intake")?;
        let total = from_writer(100, LINES * 5, |lines| _ = intake.accept(lines, &mut |_| {}))?;
        eprintln!("{:.2} M lines per core-second", rate(LINES * 5, &total) / 1e6);
        return Ok(());
    }
    for keys in [100, 10_000, 100_000] {
        compare(keys)?;
    }
    Ok(())
}

fn compare(keys: u64) -> Result<()> {
    let (mut bare, mut ingest, mut wall) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut counted = 0;
        let cost =
            from_writer(keys, LINES, |lines| counted += memchr::memchr_iter(b'\n', lines).count() as u64)?;
        ensure!(counted == LINES, "the bare counter saw {counted} lines");
        bare.push(rate(LINES, &cost));
        let cost = store(keys)?;
        ingest.push(rate(LINES, &cost));
        wall.push(per_second(LINES, cost.wall));
    }
    let name = |what: &str| format!("ingest, {keys} keys: {what}");
    let (bare, ingest) = (median(bare), median(ingest));
    figure(&name("lines per core-second"), "M lines/s", ingest / 1e6, Goal::AtLeast(2.5));
    figure(&name("values per core-second"), "M values/s", ingest * 6.0 / 1e6, Goal::AtLeast(15.0));
    figure(&name("lines per second of wall time"), "M lines/s", median(wall) / 1e6, Goal::None);
    figure(&name("bare line counter on the same pipe"), "M lines/s", bare / 1e6, Goal::None);
    figure(&name("share of the bare counter"), "ratio", ingest / bare, Goal::None);
    Ok(())
}

/// One run into an empty store; every line must be accounted for.
fn store(keys: u64) -> Result<Spent> {
    let stages = Stages::new()?;
    let mut intake = stages.intakes.intake("bench").context("no intake")?;
    let cost = from_writer(keys, LINES, |lines| _ = intake.accept(lines, &mut |_| {}))?;
    let counters = stages.metrics.folder("bench");
    ensure!(counters.lines.get() == LINES, "{} lines counted of {LINES}", counters.lines.get());
    ensure!(fates(&counters) == LINES, "{} fates of {LINES} lines", fates(&counters));
    ensure!(counters.accepted.get() == LINES && stages.store.series() == keys, "rows were refused");
    Ok(cost)
}

fn fates(counters: &FolderCounters) -> u64 {
    let others = counters.rejected.iter().chain(&counters.dropped).map(|counter| counter.get());
    counters.accepted.get() + others.sum::<u64>()
}

/// Hands whole lines of a writer on another core to `to`; what reading them all cost.
fn from_writer(keys: u64, lines: u64, mut to: impl FnMut(&[u8])) -> Result<Spent> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["write", &lines.to_string(), &keys.to_string(), &WRITER.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .context("starting the writer")?;
    let mut pipe = child.stdout.take().context("no pipe")?;
    let mut buffer = vec![0; 256 << 10];
    // The writer makes its lines first; that wait is not part of the measurement.
    let mut kept = pipe.read(&mut buffer)?;
    let ((), cost) = spent(|| {
        loop {
            if let Some(last) = memchr::memrchr(b'\n', &buffer[..kept]) {
                to(&buffer[..=last]);
                buffer.copy_within(last + 1..kept, 0);
                kept -= last + 1;
            }
            match pipe.read(&mut buffer[kept..])? {
                0 => return Ok(()),
                count => kept += count,
            }
        }
    })?;
    ensure!(child.wait()?.success() && kept == 0, "the writer failed");
    Ok(cost)
}

fn rate(lines: u64, spent: &Spent) -> f64 {
    per_second(lines, spent.cpu)
}

fn per_second(lines: u64, time: std::time::Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of lines is far below 2^53")]
    let lines = lines as f64;
    lines / time.as_secs_f64()
}
