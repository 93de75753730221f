//! Durations and sizes as strings with a unit: `"250ms"`, `"60s"`, `"5m"`, `"2h"`, `"1d"`; `"64MiB"`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a whole number followed by a unit; `None` for anything else or for more than a u64 of milliseconds.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*scale).map(Duration::from_millis)
}

/// Writes with the largest unit that leaves a whole number; above seconds only from two on (`60s`, not `1m`).
pub(super) fn format_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let whole = |scale: u64| ms.is_multiple_of(u128::from(scale));
    let fits = |scale: u64| whole(scale) && (scale <= 1_000 || ms / u128::from(scale) >= 2);
    let (unit, scale) = UNITS.iter().rev().find(|(_, scale)| fits(*scale)).unwrap_or(&UNITS[0]);
    format!("{}{unit}", ms / u128::from(*scale))
}

const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a whole number of bytes followed by a unit; `None` for anything else or for more than a u64.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = SIZES.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

/// Writes with the largest unit that leaves a whole number.
pub(super) fn format_size(bytes: u64) -> String {
    let fits = |scale: u64| bytes >= scale && bytes.is_multiple_of(scale);
    let (unit, scale) = SIZES.iter().rev().find(|(_, scale)| fits(*scale)).unwrap_or(&SIZES[0]);
    format!("{}{unit}", bytes / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("0B", 0), ("64MiB", 64 << 20), ("1500B", 1500), ("3GiB", 3 << 30)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
            assert_eq!(format_size(bytes), text);
        }
        for text in ["", "64", "MiB", "-1B", "1.5GiB", "64MB", "99999999999999GiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn reads_every_unit() {
        for (text, ms) in
            [("250ms", 250), ("60s", 60_000), ("5m", 300_000), ("2h", 7_200_000), ("1 d", 86_400_000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_clear_meaning() {
        for text in
            ["", "60", "s", "-1s", "1.5s", "1 week", "99999999999999999999s", "18446744073709551615d", "1sm"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0s", "1ms", "250ms", "1500ms", "1s", "60s", "90s", "5m", "24h", "2d", "60m"] {
            let Some(duration) = parse_duration(text) else { panic!("{text} is not read") };
            assert_eq!(format_duration(duration), text);
        }
    }
}
