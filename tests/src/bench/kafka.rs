//! The Kafka exporter beside `kafka-producer-perf-test`: the same messages into the same broker, each on one core.

use std::fs;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gala_gopher::config::export::Kafka as Settings;
use gala_gopher::enrich::Host;
use gala_gopher::export::kafka::{NAME, work};
use gala_gopher::export::push::{Feed, Pusher};
use gala_gopher::telemetry::ExportCounters;

use super::figure::{Goal, figure};
use super::ingest::Stages;
use super::lines::rows;
use super::measure::{median, pin, spent};
use super::scrape::to_f64;
use crate::kafka::Kafka;

const ROWS: u64 = 2_000_000;
const KEYS: u64 = 1000;
const ROUNDS: usize = 5;
/// Rows that may wait, so that the source never waits for the exporter and the exporter never loses one.
const AHEAD: u64 = 100_000;
/// Messages that the peer chooses from.
const PAYLOADS: usize = 10_000;
const OURS: usize = 0;
const BROKER: usize = 1;

/// What one run took.
struct Run {
    /// Rows per second of the exporter's own CPU time, that of its threads and the client library's.
    per_core: f64,
    /// Rows per second of wall time while lines are read, stored and sent on one core.
    wall: f64,
}

/// Measures both in turn.
pub(super) fn run() -> Result<()> {
    pin(OURS)?;
    let broker = Kafka::start_fast(BROKER);
    broker.topic("gala_gopher", 1, &[]);
    let folder = tempfile::tempdir()?;
    let payloads = folder.path().join("payloads");
    let (mut ours, mut wall, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        eprintln!("kafka: round {round}");
        let run = export(&broker)?;
        ours.push(run.per_core);
        wall.push(run.wall);
        if round == 0 {
            let read = broker.read("gala_gopher", PAYLOADS, 10_000);
            let values: Vec<_> = read.iter().filter_map(|line| Some(line.split_once('\t')?.1)).collect();
            ensure!(values.len() == PAYLOADS, "{} messages were read back", values.len());
            fs::write(&payloads, values.join("\n"))?;
        }
        let settings = ["acks=all", "compression.type=lz4", "linger.ms=100", "batch.size=524288"];
        peer.push(broker.produce("gala_gopher", &payloads, ROWS, OURS, &settings));
    }
    let (ours, peer) = (median(ours), median(peer));
    let size = to_f64(fs::metadata(&payloads)?.len()) / to_f64(PAYLOADS as u64);
    figure("kafka: bytes of a message", "bytes", size, Goal::None);
    let goal = Goal::AtLeast(peer.min(300_000.0) / 1e3);
    figure("kafka: rows per core-second of the exporter", "k rows/s", ours / 1e3, goal);
    figure(
        "kafka: rows per second, from line to broker on one core",
        "k rows/s",
        median(wall) / 1e3,
        Goal::None,
    );
    figure(
        "kafka: records per second of kafka-producer-perf-test on one core",
        "k rows/s",
        peer / 1e3,
        Goal::None,
    );
    Ok(())
}

/// Sends rows from lines to the broker and waits until it has them all.
fn export(broker: &Kafka) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    let stages = Stages::new()?;
    let counters = stages.metrics.exporter(NAME);
    let host = Host::read("/".as_ref(), folder.path())?;
    let settings =
        Settings { enabled: true, brokers: vec![broker.plain()], queue: 2 * AHEAD, ..Settings::default() };
    let feed = Feed {
        store: Arc::clone(&stages.store),
        host: Arc::new(host),
        state_dir: folder.path().to_owned(),
        counters: counters.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let texts: Vec<_> = (0..10).map(|round| rows(KEYS, round)).collect();
    let ((source, pusher), cost) = spent(|| {
        let guard = runtime.enter();
        let pusher = Pusher::start(NAME, None, |stop| work(settings, feed, stop));
        drop(guard);
        Ok((offer(&stages, &texts, &counters)?, pusher))
    })?;
    runtime.block_on(pusher.finish());
    ensure!(counters.failed.get() + counters.dropped.get() == 0, "messages were lost");
    let own = cost.cpu.checked_sub(source).context("clocks")?;
    Ok(Run { per_core: to_f64(ROWS) / own.as_secs_f64(), wall: to_f64(ROWS) / cost.wall.as_secs_f64() })
}

/// Offers all rows and waits until they are sent; the CPU time of this thread.
fn offer(stages: &Stages, texts: &[String], counters: &ExportCounters) -> Result<Duration> {
    let before = thread_cpu()?;
    let end = Instant::now() + Duration::from_secs(60);
    for (text, offered) in texts.iter().cycle().zip((0..ROWS).step_by(usize::try_from(KEYS)?)) {
        while offered > counters.sent.get() + AHEAD {
            ensure!(Instant::now() < end, "the exporter has stopped sending");
            sleep(Duration::from_millis(1));
        }
        stages.accept(text)?;
    }
    while counters.sent.get() < ROWS {
        ensure!(Instant::now() < end, "{} rows were sent of {ROWS}", counters.sent.get());
        sleep(Duration::from_millis(1));
    }
    Ok(thread_cpu()? - before)
}

/// User and system time of this thread so far.
fn thread_cpu() -> Result<Duration> {
    let clock = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(clock.into())
}
