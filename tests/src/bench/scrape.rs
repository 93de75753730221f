//! Scrapes of the real agent over HTTP on loopback.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::agent::{Agent, Ground, free_address};
use super::figure::{Goal, figure};
use super::http::Client;
use super::measure::{cpu_of, median, quantile};
use super::probe::open_file;

const PER_KEY: u64 = 6;
const CHANGED: u64 = 10;
const UNCHANGED: usize = 500;

/// Measures one size; in a process of its own, as memory is measured too.
pub(super) fn run(series: u64) -> Result<()> {
    let (ground, keys) = (Ground::new()?, series / PER_KEY);
    let trigger = ground.path("trigger");
    open_file(&trigger)?;
    ground.probe("scraped", &["trigger", &format!("at={}", trigger.display()), &keys.to_string()])?;
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    sleep(Duration::from_secs(2));
    let empty = agent.resident()?;
    let name = |what: &str| format!("scrape over HTTP, {} k series: {what}", series / 1000);
    let mut round = 0;
    let mut change = |agent: &Agent, client: &mut Client, gzip: bool| -> Result<f64> {
        round += 1;
        fs::write(&trigger, round.to_string())?;
        sleep(Duration::from_millis(400));
        let before = cpu_of(&agent.pid())?;
        let size = client.get(gzip)?.len();
        ensure!(size > usize::try_from(keys)?, "a page of {size} bytes");
        sleep(Duration::from_millis(20));
        Ok((cpu_of(&agent.pid())? - before).as_secs_f64() * 1e6 / to_f64(series))
    };
    change(&agent, &mut client, false)?;
    figure(
        &name("memory, scraped plain"),
        "bytes/series",
        (agent.resident()? - empty) / to_f64(series),
        Goal::None,
    );
    for (gzip, goal, text) in [(false, Goal::AtMost(0.5), ""), (true, Goal::None, ", gzip")] {
        let costs: Result<Vec<_>> = (0..CHANGED).map(|_| change(&agent, &mut client, gzip)).collect();
        figure(&name(&format!("CPU, all changed{text}")), "us/series", median(costs?), goal);
    }
    for (gzip, text) in [(false, ""), (true, ", gzip")] {
        let body = client.get(gzip)?.len();
        let first = first_bytes(&mut client, gzip)?;
        let goal = Goal::AtMost(0.2);
        figure(&name(&format!("first byte, unchanged{text}, median")), "ms", quantile(&first, 0.5), goal);
        figure(&name(&format!("first byte, unchanged{text}, p99")), "ms", quantile(&first, 0.99), Goal::None);
        if !gzip {
            figure(&name("size of the page"), "MB", to_f64(body as u64) / 1e6, Goal::None);
            let fixed = fixed_server(body)?;
            figure(
                &name("first byte of a fixed body, same library, median"),
                "ms",
                quantile(&fixed, 0.5),
                Goal::None,
            );
            figure(
                &name("first byte of a fixed body, same library, p99"),
                "ms",
                quantile(&fixed, 0.99),
                Goal::None,
            );
        }
    }
    let all = agent.resident()? - empty;
    figure(&name("memory, scraped plain and gzip"), "bytes/series", all / to_f64(series), Goal::None);
    Ok(())
}

/// Times to the first byte in milliseconds, sorted.
fn first_bytes(client: &mut Client, gzip: bool) -> Result<Vec<f64>> {
    let times: Result<Vec<_>> =
        (0..UNCHANGED).map(|_| Ok(client.fetch(gzip)?.first_byte.as_secs_f64() * 1e3)).collect();
    let mut times = times?;
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn fixed_server(size: usize) -> Result<Vec<f64>> {
    let address = free_address()?;
    let server: Child = Command::new(std::env::current_exe()?)
        .args(["fixed", &address.to_string(), &size.to_string()])
        .stdin(Stdio::piped())
        .spawn()?;
    let mut server = Agent::of(server, address);
    let mut client = server.client()?;
    first_bytes(&mut client, false)
}

pub(super) fn to_f64(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
    let count = count as f64;
    count
}
