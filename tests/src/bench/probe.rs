//! The probe processes that the measured agent runs: this program again, in a folder of its own.

use std::fs::{File, OpenOptions, read_to_string};
use std::io::Write;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::lines::rows;
use super::measure::now;
use super::{outage, scope};

/// Works in the mode that the arguments name until stdin is closed.
pub(super) fn run(arguments: &mut impl Iterator<Item = String>) -> Result<()> {
    let mode = arguments.next().context("the mode is missing")?;
    let first = arguments.next().context("an argument is missing")?;
    // Bare, a path would name a file that belongs to the folder.
    let first = first.strip_prefix("at=").unwrap_or(&first).to_owned();
    let second = arguments.next().unwrap_or_default();
    if mode == "scope" {
        return scope::observe(&first);
    }
    let worker = spawn(move || match mode.as_str() {
        "rows" => each_period(first.parse()?, Duration::from_millis(second.parse()?)),
        "flood" => flood(first.parse()?, second.parse()?),
        "numbered" => numbered(first.parse()?, second.parse()?),
        "stamp" => stamp(&first),
        "trigger" => trigger(&first, second.parse()?),
        _ => bail!("unknown mode {mode}"),
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    if worker.is_finished() { worker.join().unwrap_or_else(|_| bail!("the worker panicked")) } else { Ok(()) }
}

fn put(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// The row that says which process wrote all rows before it.
fn signature() -> String {
    format!("|bench_rows|pid|eth0|up|nginx|{}|0|0|0|0|0|\n", std::process::id())
}

fn each_period(keys: u64, period: Duration) -> Result<()> {
    let mut round = 0;
    loop {
        put(&(rows(keys, round) + &signature()))?;
        round += 1;
        sleep(period);
    }
}

/// A steady rate, a batch each millisecond; what a late wake-up missed follows in the next.
fn flood(per_second: u64, keys: u64) -> Result<()> {
    let lines: Vec<String> = rows(keys, 0).lines().map(|line| format!("{line}\n")).collect();
    let (begun, mut written) = (Instant::now(), 0);
    loop {
        let due = u64::try_from(begun.elapsed().as_micros())? * per_second / 1_000_000;
        let batch: String =
            lines.iter().cycle().take(usize::try_from(due - written)?).map(String::as_str).collect();
        put(&batch)?;
        written = due;
        sleep(Duration::from_millis(1));
    }
}

/// So many rows at a steady rate, each with its number.
fn numbered(per_second: u64, count: u64) -> Result<()> {
    let (begun, mut written) = (Instant::now(), 0);
    while written < count {
        let due = (u64::try_from(begun.elapsed().as_micros())? * per_second / 1_000_000).min(count);
        put(&(written..due).map(outage::row).collect::<String>())?;
        written = due;
        sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// 1,000 series; one row twice a millisecond, numbered, with the time after each write noted in a file.
fn stamp(file: &str) -> Result<()> {
    let mut times = OpenOptions::new().append(true).open(file).context("opening the file of times")?;
    put(&rows(166, 0))?;
    for number in 0_u64.. {
        put(&format!("|bench_rows|stamp|eth0|up|nginx|{number}||||||\n"))?;
        times.write_all(&now().to_le_bytes())?;
        sleep(Duration::from_micros(500));
    }
    Ok(())
}

/// Rewrites all rows whenever the text in a file has changed.
fn trigger(file: &str, keys: u64) -> Result<()> {
    let mut done = String::new();
    loop {
        let wanted = read_to_string(file)?;
        if wanted != done && !wanted.is_empty() {
            put(&(rows(keys, wanted.parse()?) + &signature()))?;
            done = wanted;
        }
        sleep(Duration::from_millis(5));
    }
}

/// Makes a file that a probe without privileges may read and write.
pub(super) fn open_file(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(0o666))?)
}
