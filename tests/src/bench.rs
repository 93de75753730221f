//! Measurements of the agent, as figures with goals; `doc/performance.md` says what each one is.
//!
//! Every part prints one JSON object per figure on stdout and what it is doing on stderr.

mod agent;
mod baseinfo;
mod control;
mod figure;
mod http;
mod ingest;
mod kafka;
mod latency;
mod lines;
mod measure;
mod memory;
mod outage;
mod pages;
mod peers;
mod probe;
mod scope;
mod scrape;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: gopher-bench ingest | pages SERIES | scrape SERIES | freshness | crash | start | memory SECONDS \
                     | baseinfo | control | scope | kafka | outage SECONDS | netdata | collectd | node_exporter";

/// Runs the part that the arguments name.
///
/// # Errors
/// When the part is unknown or could not be measured.
pub fn main(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let part = arguments.next().context(USAGE)?;
    let rest = &mut arguments;
    match part.as_str() {
        "write" => lines::write(rest),
        "probe" => probe::run(rest),
        "fixed" => http::serve_fixed(rest),
        "ingest" => ingest::run(rest),
        "pages" => pages::run(number(rest)?),
        "scrape" => scrape::run(number(rest)?),
        "freshness" => latency::freshness(),
        "crash" => latency::crash(),
        "start" => latency::start(),
        "netdata" => peers::netdata(),
        "collectd" => peers::collectd(),
        "node_exporter" => peers::node_exporter(),
        "samples" => peers::samples(rest),
        "baseinfo" => baseinfo::run(),
        "control" => control::run(),
        "scope" => scope::run(),
        "garbage" => control::garbage(rest),
        "memory" => memory::run(number(rest)?),
        "kafka" => kafka::run(),
        "outage" => outage::run(number(rest)?),
        _ => bail!(USAGE),
    }
}

fn number(arguments: &mut impl Iterator<Item = String>) -> Result<u64> {
    arguments.next().context(USAGE)?.parse().context(USAGE)
}
