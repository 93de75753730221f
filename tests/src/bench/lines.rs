//! The table that is measured with, its lines, and a process that writes them as fast as its reader reads.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::{Context, Result};

use super::measure::pin;

/// Ten fields: four labels, of which two are keys, and six numbers.
pub(super) const MANIFEST: &str = r#"
protocol = 1
name = "bench"
exec = ["bench"]
limits = { rows_per_second = 4000000000, series = 1000000 }
[[probe]]
name = "bench"
summary = "Rows to measure with."
[[table]]
name = "bench_rows"
entity = "bench"
fields = [
  { name = "id", type = "key", help = "Which row." },
  { name = "device", type = "key", help = "A device." },
  { name = "state", type = "label", help = "A state." },
  { name = "comm", type = "label", help = "A name." },
  { name = "used_bytes", type = "gauge", help = "A gauge." },
  { name = "usage_ratio", type = "gauge", help = "A gauge with a fraction." },
  { name = "rx_bytes", type = "counter", help = "A counter." },
  { name = "tx_bytes", type = "counter", help = "A counter." },
  { name = "errors", type = "delta", help = "A delta." },
  { name = "requests", type = "delta", help = "A delta." },
]
"#;

/// Appends the row of a key; `round` changes every number.
pub(super) fn row(out: &mut String, key: u64, round: u64) {
    let n = key.wrapping_mul(2_654_435_761) % 1_000_000 + round;
    let written = writeln!(
        out,
        "|bench_rows|row-{key:06}|eth{}|up|nginx|{}|{}.{:02}|{}|{}|{}|{}|",
        key % 8,
        n * 4096,
        n % 100,
        n % 97,
        n * 1_500 + round,
        n * 700,
        n % 3,
        n % 1_000,
    );
    debug_assert!(written.is_ok());
}

/// One row of each key.
pub(super) fn rows(keys: u64, round: u64) -> String {
    let mut text = String::new();
    (0..keys).for_each(|key| row(&mut text, key, round));
    text
}

/// Writes LINES lines over KEYS keys to stdout, bound to CORE; all of them are made beforehand.
pub(super) fn write(arguments: &mut impl Iterator<Item = String>) -> Result<()> {
    let mut number =
        |what| arguments.next().with_context(|| format!("{what} is missing"))?.parse::<u64>().context(what);
    let (mut left, keys) = (number("LINES")?, number("KEYS")?);
    if let Ok(core) = number("CORE") {
        pin(usize::try_from(core)?)?;
    }
    let rounds = (100_000 / keys).clamp(2, 1000);
    let text: String = (0..rounds).map(|round| rows(keys, round)).collect();
    let mut out = std::io::stdout().lock();
    while left > 0 {
        let part = if left >= rounds * keys { text.as_str() } else { first_lines(&text, left) };
        out.write_all(part.as_bytes())?;
        left = left.saturating_sub(rounds * keys);
    }
    Ok(out.flush()?)
}

fn first_lines(text: &str, count: u64) -> &str {
    let end = text.match_indices('\n').nth(usize::try_from(count).unwrap_or(1) - 1);
    end.map_or(text, |(at, _)| &text[..=at])
}
