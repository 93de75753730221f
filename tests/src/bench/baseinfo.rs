//! What a period of the probe `baseinfo` costs, item by item: CPU time, system calls, memory.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gopher_protocol::control::{ConfigMessage, ProbeConfig, Scope};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::agent::beside;
use super::figure::{Goal, figure};
use super::measure::{cpu_of, median, resident};
use super::scrape::to_f64;

const ITEMS: [&str; 8] = ["cpu", "mem", "nic", "net", "disk", "fs", "proc", "host"];

/// Seconds between two periods: shorter than any in use, so that many can be measured.
const PERIOD: f64 = 0.05;

/// Periods that are measured at a time, after a few that find out what there is.
const PERIODS: u64 = 60;
const FIRST_PERIODS: u64 = 5;

const RUNS: usize = 5;

/// Each item alone, all without a process in scope, and all with every process.
pub(super) fn run() -> Result<()> {
    for item in ITEMS {
        measure(item, &[item], true)?;
    }
    measure("all items, no process in scope", &ITEMS, false)?;
    measure("all items, all processes", &ITEMS, true)
}

fn measure(what: &str, items: &[&str], all: bool) -> Result<()> {
    eprintln!("baseinfo: {what}");
    let mut probe = Probe::start(items, all)?;
    let mut micros = Vec::new();
    let mut rows = 0;
    for _ in 0..RUNS {
        let before = probe.cpu()?;
        rows = probe.periods(PERIODS)?;
        micros.push((probe.cpu()? - before).as_secs_f64() * 1e6 / to_f64(PERIODS));
    }
    let memory = resident(&probe.pid())?;
    let calls = probe.system_calls()? / to_f64(PERIODS);
    let name = |figure: &str| format!("baseinfo, {what}: {figure}");
    figure(&name("rows per period"), "rows", to_f64(rows) / to_f64(PERIODS), Goal::None);
    figure(&name("CPU per period"), "µs", median(micros), Goal::None);
    figure(&name("system calls per period"), "calls", calls, Goal::None);
    figure(&name("resident memory"), "MB", memory / 1e6, Goal::None);
    Ok(())
}

/// The probe without an agent.
struct Probe {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// Table and first key of the first row of every period.
    mark: Vec<u8>,
    line: Vec<u8>,
    /// Stops the probe when it is closed.
    _stdin: ChildStdin,
}

impl Probe {
    fn start(items: &[&str], all: bool) -> Result<Self> {
        let mut command = Command::new(beside("baseinfo")?);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("no stdin")?;
        stdin.write_all(configuration(items, all).to_line().as_bytes())?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut probe = Self { child, lines, mark: Vec::new(), line: Vec::new(), _stdin: stdin };
        probe.next_line()?;
        ensure!(probe.line.starts_with(b"|applied|"), "the probe does not begin with |applied|");
        probe.next_line()?;
        let mark = probe.line.splitn(4, |byte| *byte == b'|').take(3).collect::<Vec<_>>().join(&b'|');
        probe.mark = [&mark[..], b"|"].concat();
        probe.periods(FIRST_PERIODS)?;
        Ok(probe)
    }

    fn next_line(&mut self) -> Result<()> {
        self.line.clear();
        ensure!(self.lines.read_until(b'\n', &mut self.line)? > 0, "the probe has ended");
        Ok(())
    }

    /// Waits until so many periods have begun; the rows in them. A period is written in one piece, at its end.
    fn periods(&mut self, mut count: u64) -> Result<u64> {
        let mut rows = 0;
        while count > 0 {
            self.next_line()?;
            rows += 1;
            count -= u64::from(self.line.starts_with(&self.mark));
        }
        Ok(rows)
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.pid())
    }

    /// How many system calls all threads make in [`PERIODS`] periods, counted by strace.
    fn system_calls(&mut self) -> Result<f64> {
        let summary = tempfile::NamedTempFile::new()?;
        let mut command = Command::new("strace");
        command.args(["-qq", "-c", "-f", "-o"]).arg(summary.path()).args(["-p", &self.pid()]);
        let mut strace = command.spawn().context("strace cannot be run; build/setup --bench installs it")?;
        let counted = self.wait_for_tracer().and_then(|()| self.periods(PERIODS));
        kill(Pid::from_raw(i32::try_from(strace.id())?), Signal::SIGINT)?;
        strace.wait()?;
        counted?;
        total_calls(&std::fs::read_to_string(summary.path())?)
    }

    /// Waits until every thread is traced, and for the beginning of a period.
    fn wait_for_tracer(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_traced(&self.pid())? {
            ensure!(Instant::now() < deadline, "strace does not attach: it needs CAP_SYS_PTRACE");
            sleep(Duration::from_millis(5));
        }
        self.periods(1).map(|_| ())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn configuration(items: &[&str], all: bool) -> ConfigMessage {
    let probe = ProbeConfig {
        items: items.iter().map(ToString::to_string).collect(),
        params: [("report_period".to_owned(), PERIOD.into())].into(),
        scope: Scope { all, ..Scope::default() },
    };
    ConfigMessage { version: 1, generation: 1, probes: [("baseinfo".to_owned(), probe)].into() }
}

fn is_traced(pid: &str) -> Result<bool> {
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(thread?.path().join("status"))?;
        if status.lines().any(|line| line == "TracerPid:\t0") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The calls in the last line of a summary: share, seconds, microseconds per call, calls, errors, `total`.
fn total_calls(summary: &str) -> Result<f64> {
    let total = summary.lines().find(|line| line.ends_with(" total"));
    match total.and_then(|line| line.split_ascii_whitespace().nth(3)) {
        Some(calls) => Ok(calls.parse()?),
        None => bail!("strace gave no total: {summary}"),
    }
}
