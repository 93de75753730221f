//! The grammar of names and the search for the name a typing error meant.

/// `[a-z][a-z0-9_-]{0,31}`: probes, items, folders.
pub(super) fn is_probe_name(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, at most 128 characters.
pub(super) fn is_label_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The known name nearest to `typed`, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name this long is no typing error, and the distance costs the product of the lengths.
    if typed.len() > 64 {
        return None;
    }
    let best = known.into_iter().map(|name| (distance(typed, name), name)).min()?;
    let allowed = (best.1.len() / 4).max(1);
    (best.0 <= allowed).then_some(best.1)
}

/// Number of single-character edits between two names; exchanged neighbours count as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let exchange = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + exchange);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_a_typing_error_meant() {
        let known = ["record_timeout", "series_total", "series_per_table", "listen"];
        for (typed, meant) in [
            ("record_timout", Some("record_timeout")),
            ("recrod_timeout", Some("record_timeout")),
            ("lisen", Some("listen")),
            ("series_totals", Some("series_total")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
