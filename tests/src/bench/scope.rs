//! How soon a probe has a new process in scope, by each source of news, while processes come and go.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gopher_protocol::control::ConfigMessage;

use super::agent::{Ground, sample};
use super::figure::{Goal, figure};
use super::measure::{now, quantile};
use super::probe::open_file;
use super::scrape::to_f64;

/// Processes of one source that are looked for.
const PROCESSES: u64 = 100;
/// Spread evenly between two of them: one pause alone would be in step with what looks twice a second.
const PAUSES: std::ops::Range<u64> = 20..520;
/// Processes a second that come and go meanwhile.
const FORKS: f64 = 200.0;
/// The longest that one is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The name that selects; no other process has it.
const NAME: &str = "gg-measured";

/// Every source in turn.
pub(super) fn run() -> Result<()> {
    measure("ebpf", true, &[])?;
    measure("connector", false, &[])?;
    // Without the right to ask the kernel for news.
    measure("procfs", false, &["setpriv", "--bounding-set", "-net_admin"])
}

fn measure(source: &str, ebpf: bool, before: &[&str]) -> Result<()> {
    let ground = Ground::new()?;
    let file = ground.path("seen");
    open_file(&file)?;
    ground.probe("observer", &["scope", &format!("at={}", file.display())])?;
    let manifest = ground.path("probes/observer/probe.toml");
    let scoped = fs::read_to_string(&manifest)?.replace("autostart =", "scope = [\"process\"]\nautostart =");
    fs::write(&manifest, scoped)?;
    if ebpf {
        ground.real_probe("procwatch")?;
    }
    ground.add(&format!("[probe.observer]\nscope = {{ proc_name = [{{ comm = \"^{NAME}$\" }}] }}\n"))?;
    let program = ground.path(NAME);
    fs::copy("/bin/sleep", &program)?;
    let mut agent = ground.start_by(before)?;
    let mut client = agent.client()?;
    let series = format!("gala_gopher_agent_scope_source{{source=\"{source}\"}}");
    agent.wait_for(&mut client, |page| sample(page, &series) == Some(1.0))?;
    let churn = Churn::start();
    sleep(Duration::from_secs(1));
    let (begun, forked) = (Instant::now(), churn.count());
    let mut times = Vec::new();
    for number in 0..PROCESSES {
        let mut child = Command::new(&program).arg("60").stdin(Stdio::null()).spawn()?;
        let started = now();
        let seen = seen(&file, child.id());
        child.kill()?;
        child.wait()?;
        times.push(to_f64(seen?.saturating_sub(started)) / 1e6);
        let spread = PAUSES.end - PAUSES.start;
        sleep(Duration::from_millis(PAUSES.start + number * 37 % 50 * spread / 50));
    }
    let rate = to_f64(churn.count() - forked) / begun.elapsed().as_secs_f64();
    drop(churn);
    times.sort_by(f64::total_cmp);
    let name = |what: &str| format!("new process to the probe that has it in scope, {source}, {what}");
    figure(&name("median"), "ms", quantile(&times, 0.5), Goal::None);
    figure(&name("largest of 100"), "ms", quantile(&times, 1.0), Goal::AtMost(1000.0));
    figure(&format!("forks meanwhile, {source}"), "forks/s", rate, Goal::AtLeast(FORKS));
    Ok(())
}

/// When the probe was told of a process.
fn seen(file: &std::path::Path, pid: u32) -> Result<u64> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let text = fs::read_to_string(file)?;
        // A line that is still being written is not looked at.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let found = whole.lines().rev().find_map(|line| {
            let (seen, at) = line.split_once(' ')?;
            (seen.parse() == Ok(pid)).then(|| at.parse::<u64>())
        });
        if let Some(at) = found {
            return at.context("a time");
        }
        sleep(Duration::from_millis(2));
    }
    anyhow::bail!("process {pid} did not come in scope within {} s", PATIENCE.as_secs())
}

/// The probe: writes down when it is told of which process.
pub(super) fn observe(file: &str) -> Result<()> {
    let mut seen = OpenOptions::new().append(true).open(file).context("opening the file")?;
    println!("|ready|");
    let mut known: BTreeMap<u32, u64> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let (at, message) = (now(), ConfigMessage::from_line(&line?)?);
        let processes = message.probes.into_values().flat_map(|probe| probe.scope.processes);
        let told: BTreeMap<u32, u64> = processes.map(|process| (process.pid, process.start_time)).collect();
        for (pid, start) in &told {
            if known.get(pid) != Some(start) {
                seen.write_all(format!("{pid} {at}\n").as_bytes())?;
            }
        }
        known = told;
    }
    Ok(())
}

/// Short processes, more than [`FORKS`] a second, until it is dropped.
struct Churn {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Churn {
    fn start() -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&count));
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                ensure!(Command::new("true").status()?.success(), "true failed");
                let done = to_f64(counter.fetch_add(1, Ordering::Relaxed) + 1);
                let due = begun + Duration::from_secs_f64(done / (FORKS * 1.05));
                sleep(due.saturating_duration_since(Instant::now()));
            }
            Ok(())
        });
        Self { stop, count, thread: Some(thread) }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => eprintln!("gopher-bench: forking failed: {error:#}"),
            Some(Err(_)) => eprintln!("gopher-bench: the thread that forks panicked"),
            Some(Ok(Ok(()))) | None => {}
        }
    }
}
