//! Histogram fields: `n up1 cum1 … upn cumn sum max`, cumulative counts, the increase since the previous row.

use crate::number::Number;
use crate::reject::FieldReason;

/// The most buckets that a histogram may have.
pub const MAX_BUCKETS: usize = 256;

/// A decoded histogram; reused from row to row so that decoding allocates nothing once it has grown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds, strictly increasing; the last may be infinite.
    pub bounds: Vec<f64>,
    /// Cumulative counts, one per bound.
    pub counts: Vec<u64>,
    /// Sum of all observations.
    pub sum: f64,
    /// The largest observation of the period.
    pub max: f64,
}

impl Histogram {
    /// Replaces the contents by the parsed text.
    ///
    /// # Errors
    /// [`FieldReason::BadHistogram`] when the count of words, the order of bounds or counts, or a number is wrong.
    pub fn parse(&mut self, text: &str) -> Result<(), FieldReason> {
        self.bounds.clear();
        self.counts.clear();
        let mut words = text.split_ascii_whitespace();
        let buckets: usize = word(&mut words)?;
        if buckets == 0 || buckets > MAX_BUCKETS {
            return Err(FieldReason::BadHistogram);
        }
        for index in 0..buckets {
            let bound = bound(words.next(), index + 1 == buckets)?;
            let count: u64 = word(&mut words)?;
            let rises = self.bounds.last().is_none_or(|last| *last < bound)
                && self.counts.last().is_none_or(|last| *last <= count);
            if !rises {
                return Err(FieldReason::BadHistogram);
            }
            self.bounds.push(bound);
            self.counts.push(count);
        }
        self.sum = finite(words.next())?;
        self.max = finite(words.next())?;
        if words.next().is_some() { Err(FieldReason::BadHistogram) } else { Ok(()) }
    }

    /// The count of all observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.last().copied().unwrap_or(0)
    }

    /// Appends the text form.
    pub fn write(&self, out: &mut Vec<u8>) {
        Number::Uint(self.bounds.len() as u64).write(out);
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            out.push(b' ');
            write_bound(*bound, out);
            out.push(b' ');
            Number::Uint(*count).write(out);
        }
        for value in [self.sum, self.max] {
            out.push(b' ');
            Number::Float(value).write(out);
        }
    }
}

/// Appends a bucket's bound as Prometheus writes `le`: `+Inf` for the infinite one.
pub fn write_bound(bound: f64, out: &mut Vec<u8>) {
    if bound.is_infinite() {
        out.extend_from_slice(b"+Inf");
    } else {
        Number::Float(bound).write(out);
    }
}

fn word<T: std::str::FromStr>(words: &mut std::str::SplitAsciiWhitespace<'_>) -> Result<T, FieldReason> {
    words.next().and_then(|text| text.parse().ok()).ok_or(FieldReason::BadHistogram)
}

fn finite(text: Option<&str>) -> Result<f64, FieldReason> {
    let number = text.and_then(|text| Number::parse(text).ok()).ok_or(FieldReason::BadHistogram)?;
    Ok(number.as_f64())
}

fn bound(text: Option<&str>, last: bool) -> Result<f64, FieldReason> {
    match text {
        Some("+Inf") if last => Ok(f64::INFINITY),
        other => finite(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_histogram_reads_back() {
        let mut histogram = Histogram::default();
        let text = "4 1000 1 5000 3 20000 3 +Inf 4 68000 60000";
        histogram.parse(text).unwrap();
        assert_eq!(histogram.count(), 4);
        let mut out = Vec::new();
        histogram.write(&mut out);
        assert_eq!(out, text.as_bytes());
    }

    #[test]
    fn every_other_form_is_refused() {
        let mut histogram = Histogram::default();
        for text in [
            "",
            "0 1 1",
            "1 5 1 9",
            "1 5 1 9 9 9",
            "2 5 1 5 2 9 9",
            "2 5 2 6 1 9 9",
            "2 +Inf 1 +Inf 2 9 9",
            "1 5 -1 9 9",
            "1 5 1 nan 9",
            "99999999 1 1 1 1",
        ] {
            assert_eq!(histogram.parse(text), Err(FieldReason::BadHistogram), "{text}");
        }
    }
}
