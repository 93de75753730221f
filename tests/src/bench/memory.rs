//! Resident memory of the agent, and whether it stays.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::agent::{Agent, Ground, sample};
use super::figure::{Goal, figure};
use super::http::Client;
use super::scrape::to_f64;

const PROBES: usize = 10;

/// With baseinfo alone, then with ten probes of 300 series each that change every second, for `seconds`.
pub(super) fn run(seconds: u64) -> Result<()> {
    let ground = Ground::new()?;
    ground.real_probe("baseinfo")?;
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    agent.wait_for(&mut client, |page| page.contains("gala_gopher_cpu_"))?;
    let samples = soak(&agent, &mut client, 20)?;
    figure("memory of the agent with baseinfo", "MB", largest(&samples), Goal::AtMost(15.0));
    drop(agent);
    let ground = Ground::new()?;
    for number in 0..PROBES {
        ground.probe(&format!("ten{number}"), &["rows", "50", "1000"])?;
    }
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    agent.wait_for(&mut client, |page| page.contains("gala_gopher_ten9_"))?;
    let lines = |page: &str| -> f64 {
        (0..PROBES)
            .filter_map(|n| sample(page, &format!("gala_gopher_agent_lines_total{{probe=\"ten{n}\"}}")))
            .sum()
    };
    let (begun, before) = (Instant::now(), lines(&client.text()?));
    let samples = soak(&agent, &mut client, seconds)?;
    let rate = (lines(&client.text()?) - before) * 6.0 / begun.elapsed().as_secs_f64();
    figure("rate of the ten probes", "series/s", rate, Goal::AtLeast(2900.0));
    figure("memory of the agent, 3 k series/s from 10 probes", "MB", largest(&samples), Goal::AtMost(25.0));
    let third = samples.len() / 3;
    let growth = mean(&samples[samples.len() - third..])? - mean(&samples[third..2 * third])?;
    let name = format!("growth over a soak of {seconds} s, last third over the second");
    figure(&name, "MB", growth, Goal::AtMost(0.25));
    Ok(())
}

/// Scrapes each second, plain and gzip by turns; resident memory in MB after each.
fn soak(agent: &Agent, client: &mut Client, seconds: u64) -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    for second in 0..seconds {
        sleep(Duration::from_secs(1));
        client.get(second % 2 == 1)?;
        samples.push(agent.resident()? / 1e6);
    }
    Ok(samples)
}

fn largest(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(0.0, f64::max)
}

fn mean(samples: &[f64]) -> Result<f64> {
    let count = u64::try_from(samples.len())?;
    (count > 0).then(|| samples.iter().sum::<f64>() / to_f64(count)).context("too few samples")
}
