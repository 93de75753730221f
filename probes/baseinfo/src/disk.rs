//! Item `disk`: rates, latencies and utilisation of disks and partitions.

use std::time::{Duration, Instant};

use gopher_procfs::FileReader;
use gopher_procfs::disk::{Disk as Stats, diskstats};
use probe_sdk::Context;

use crate::alarms::{Alarm, Alarms, Subject};
use crate::collect::Collector;
use crate::previous::Previous;
use crate::shared::{Shared, per_second, ratio};

/// Table `system_iostat`.
#[derive(Debug)]
pub(crate) struct Disk {
    diskstats: FileReader,
    previous: Previous<Stats>,
    read_at: Option<Instant>,
}

impl Disk {
    pub(crate) fn new(shared: &Shared) -> Self {
        let diskstats = shared.reader("/proc/diskstats");
        Self { diskstats, previous: Previous::default(), read_at: None }
    }
}

impl Collector for Disk {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        let alarms = shared.alarms;
        let Some(text) = shared.read(&mut self.diskstats) else { return Ok(()) };
        let now = Instant::now();
        let elapsed = self.read_at.replace(now).map(|before| now.duration_since(before)).unwrap_or_default();
        let mut outcome = Ok(());
        diskstats(text, |name, stats| {
            // Loop and RAM disks exist by the dozen before anyone uses them.
            if stats.reads == 0 && stats.writes == 0 {
                return;
            }
            let before = self.previous.swap(name, stats);
            let rates = before.and_then(|before| rates(&before, &stats, elapsed));
            if let (Some(rates), Ok(())) = (rates, &outcome) {
                outcome = send(name, &rates, alarms, ctx);
            }
        });
        self.previous.end_round();
        outcome
    }
}

/// What one period says about a disk.
#[derive(Debug, PartialEq)]
struct Rates {
    reads: f64,
    writes: f64,
    read_kb: f64,
    written_kb: f64,
    read_wait: f64,
    write_wait: f64,
    read_size: f64,
    write_size: f64,
    queue: f64,
    util: f64,
}

/// `None` when a total went back: the disk is another one, or a counter of 32 bits has wrapped.
fn rates(before: &Stats, now: &Stats, elapsed: Duration) -> Option<Rates> {
    let rate = |total: fn(&Stats) -> u64| per_second(total(before), total(now), elapsed);
    let per_io = |total: fn(&Stats) -> u64, ios: fn(&Stats) -> u64| {
        let (part, ios) = (total(now).checked_sub(total(before))?, ios(now).checked_sub(ios(before))?);
        Some(ratio(part, ios).unwrap_or(0.0))
    };
    Some(Rates {
        reads: rate(|d| d.reads)?,
        writes: rate(|d| d.writes)?,
        read_kb: rate(|d| d.sectors_read)? / 2.0,
        written_kb: rate(|d| d.sectors_written)? / 2.0,
        read_wait: per_io(|d| d.read_ms, |d| d.reads)?,
        write_wait: per_io(|d| d.write_ms, |d| d.writes)?,
        read_size: per_io(|d| d.sectors_read, |d| d.reads)? / 2.0,
        write_size: per_io(|d| d.sectors_written, |d| d.writes)? / 2.0,
        queue: rate(|d| d.queue_ms)? / 1000.0,
        util: (rate(|d| d.busy_ms)? / 10.0).min(100.0),
    })
}

fn send(name: &[u8], rates: &Rates, alarms: Alarms, ctx: &mut Context) -> anyhow::Result<()> {
    let name = String::from_utf8_lossy(name);
    let row = ctx.row("system_iostat")?.set("disk_name", name.as_ref());
    let row = row.set("rspeed", rates.reads).set("wspeed", rates.writes);
    let row = row.set("rspeed_kB", rates.read_kb).set("wspeed_kB", rates.written_kb);
    let row = row.set("r_await", rates.read_wait).set("w_await", rates.write_wait);
    let row = row.set("rareq", rates.read_size).set("wareq", rates.write_size);
    row.set("aqu", rates.queue).set("util", rates.util).send()?;
    alarms.share(Alarm::Disk, Subject::device(&name), Some(rates.util), ctx)
}

#[cfg(test)]
mod tests;
