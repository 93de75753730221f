//! Sizes and shares as a manifest writes them.

/// Bytes of a size such as `64MiB`, `512KiB` or `1GiB`; `None` for anything else, zero included.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let shift = match &text[at..] {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let number: u64 = text[..at].parse().ok()?;
    number.checked_mul(1 << shift).filter(|size| *size > 0)
}

/// The number of a share such as `20%`; `None` for anything else, zero included.
#[must_use]
pub fn parse_percent(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix('%')?.parse().ok()?;
    (number.is_finite() && number > 0.0).then_some(number)
}
