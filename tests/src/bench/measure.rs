//! Clocks, cores, memory and quantiles.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::Pid;

/// Binds this thread, and the ones it starts, to one core.
pub(super) fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("binding to core {core}"))
}

/// User and system time of this process so far.
pub(super) fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let time = |t: nix::sys::time::TimeVal| {
        Duration::from_micros(u64::try_from(t.tv_sec() * 1_000_000 + t.tv_usec()).unwrap_or(0))
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// Time that all threads of a process, ended ones included, have run so far.
pub(super) fn cpu_of(pid: &str) -> Result<Duration> {
    let clock = nix::time::clock_getcpuclockid(Pid::from_raw(pid.parse()?))?;
    Ok(nix::time::clock_gettime(clock)?.into())
}

/// Nanoseconds of the monotonic clock, which all processes share.
pub(super) fn now() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).map(Duration::from);
    u64::try_from(time.unwrap_or_default().as_nanos()).unwrap_or(0)
}

/// CPU and wall time of some work.
pub(super) struct Spent {
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
}

/// Runs the work and says what it cost this process.
pub(super) fn spent<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Spent)> {
    let (cpu_before, begun) = (cpu()?, Instant::now());
    let result = work()?;
    Ok((result, Spent { wall: begun.elapsed(), cpu: cpu()? - cpu_before }))
}

/// Resident memory of a process in bytes: `VmRSS` of `/proc/PID/status`, proc(5).
pub(super) fn resident(pid: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_ascii_whitespace().next());
    Ok(kib.with_context(|| format!("no VmRSS in {path}"))?.parse::<f64>()? * 1024.0)
}

/// The value below which a share of the sorted values lies.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The middle of some values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}
