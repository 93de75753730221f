//! Requests: how soon a probe works with a change, and what clients that send garbage cost a scrape.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::agent::Ground;
use super::figure::{Goal, figure};
use super::http::Client;
use super::measure::quantile;
use crate::http;
use crate::peer::Peer;

const CHANGES: u64 = 300;
const SCRAPES: usize = 500;
const CLIENTS: usize = 1000;

/// A change asked for → the probe says that it works with it; scrapes with and without garbage beside them.
pub(super) fn run() -> Result<()> {
    let ground = Ground::new()?;
    ground.real_probe("baseinfo")?;
    let mut agent = ground.start()?;
    let mut client = agent.client()?;
    agent.wait_for(&mut client, |page| page.contains("gala_gopher_mem_total_kB"))?;
    for (persist, words) in [(false, "kept until the next start"), (true, "kept over restarts")] {
        let mut times = Vec::new();
        for round in 0..CHANGES {
            let body =
                format!(r#"json={{"params":{{"report_period":{}}},"persist":{persist}}}"#, 6 + round % 2);
            let begun = Instant::now();
            let reply = http::send(ground.control, "PUT", "/baseinfo?wait=applied", &[], body.as_bytes())?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            ensure!(reply.text.contains("\"applied\":true"), "{}", reply.text);
        }
        times.sort_by(f64::total_cmp);
        let name = |what: &str| format!("change put to applied by the probe, {words}, {what}");
        figure(&name("median"), "ms", quantile(&times, 0.5), Goal::None);
        figure(&name("p99"), "ms", quantile(&times, 0.99), Goal::AtMost(100.0));
    }
    scrapes(&mut client, "alone")?;
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(std::env::current_exe()?).args(["garbage", &ground.control.to_string()]);
    let clients = Peer::start(command.stdin(Stdio::null()))?;
    sleep(Duration::from_secs(2));
    scrapes(&mut client, "while 1,000 clients send garbage")?;
    clients.stop()
}

fn scrapes(client: &mut Client, words: &str) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..SCRAPES {
        sleep(Duration::from_millis(5));
        let begun = Instant::now();
        client.get(false)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    figure(&format!("scrape {words}, median"), "ms", quantile(&times, 0.5), Goal::None);
    figure(&format!("scrape {words}, p99"), "ms", quantile(&times, 0.99), Goal::AtMost(10.0));
    Ok(())
}

/// Sends garbage of several sorts with many clients at a time, without end.
pub(super) fn garbage(arguments: &mut impl Iterator<Item = String>) -> Result<()> {
    let address: SocketAddr = arguments.next().context("garbage needs an address")?.parse()?;
    let bodies = [format!("json={}", "[".repeat(20_000)), "json={\"state\":1}".to_owned(), "\0".repeat(100)];
    for number in 0..CLIENTS {
        let body = bodies[number % bodies.len()].clone();
        let work = move || loop {
            // Refused connections are part of it.
            if http::send(address, "PUT", "/baseinfo", &[], body.as_bytes()).is_err() {
                sleep(Duration::from_millis(10));
            }
        };
        std::thread::Builder::new().stack_size(128 << 10).spawn(work)?;
    }
    loop {
        std::thread::park();
    }
}
