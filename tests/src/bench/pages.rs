//! Rendering a scrape in the process: cost per series when every row has changed, memory per series.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gala_gopher::export::prometheus::{Exposition, Filter, Format, Pages};

use super::figure::{Goal, figure};
use super::ingest::Stages;
use super::lines::rows;
use super::measure::{median, pin, resident, spent};

/// Series (metric and label set) per key: the table's numbers.
const PER_KEY: u64 = 6;
const ROUNDS: u64 = 9;

/// Measures one number of series.
pub(super) fn run(series: u64) -> Result<()> {
    pin(0)?;
    let keys = series / PER_KEY;
    let before = resident("self")?;
    let stages = Stages::new()?;
    let pages =
        Pages::new(Arc::clone(&stages.store), stages.metrics.clone(), Exposition::Modern, Filter::default());
    let pages = Arc::new(pages);
    let (mut plain, mut packed, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
    #[expect(clippy::cast_precision_loss, reason = "a count of series is far below 2^53")]
    let series = (keys * PER_KEY) as f64;
    let per_series = |cost: &std::time::Duration| cost.as_secs_f64() * 1e6 / series;
    for round in 0..ROUNDS {
        stages.accept(&rows(keys, round * 2))?;
        if round == 0 {
            let grown = (resident("self")? - before) / series;
            figure(&name(keys, "memory before the first scrape"), "bytes/series", grown, Goal::None);
        }
        let (page, cost) = spent(|| pages.page(Format::Text, false).context("page"))?;
        let size: usize = page.frames.iter().map(bytes::Bytes::len).sum();
        ensure!(size > 100 * usize::try_from(keys)?, "a page of {size} bytes");
        plain.push(per_series(&cost.cpu));
        let (_, cost) = spent(|| pages.page(Format::Text, false).context("page"))?;
        unchanged.push(cost.wall.as_secs_f64() * 1e3);
        stages.accept(&rows(keys, round * 2 + 1))?;
        let (_, cost) = spent(|| pages.page(Format::Text, true).context("page"))?;
        packed.push(per_series(&cost.cpu));
    }
    let grown = (resident("self")? - before) / series;
    figure(&name(keys, "CPU, all changed"), "us/series", median(plain), Goal::AtMost(0.5));
    figure(&name(keys, "CPU, all changed, gzip"), "us/series", median(packed), Goal::None);
    figure(&name(keys, "page made, unchanged"), "ms", median(unchanged), Goal::AtMost(0.2));
    figure(&name(keys, "memory, scraped plain and gzip"), "bytes/series", grown, Goal::None);
    Ok(())
}

fn name(keys: u64, what: &str) -> String {
    format!("scrape in process, {} k series: {what}", (keys * PER_KEY + 500) / 1000)
}
