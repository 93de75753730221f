//! The samples that one value of a row becomes: its own, or those of a histogram.

use gopher_protocol::number::Number;

use super::families::Family;
use crate::store::Value;

/// What tells the samples of one value apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::export) enum Part {
    /// The family's name alone.
    Whole,
    /// `_bucket`, with the label `le` of this bound.
    Bucket(f64),
    /// `_sum`.
    Sum,
    /// `_count`.
    Count,
}

impl Part {
    /// What follows the family's name.
    pub(in crate::export) fn suffix(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Bucket(_) => "_bucket",
            Self::Sum => "_sum",
            Self::Count => "_count",
        }
    }
}

/// Calls `each` with all samples of a value in a family; buckets always end with the infinite one.
#[inline]
pub(in crate::export) fn samples(family: &Family, value: &Value, mut each: impl FnMut(Part, Number)) {
    match value {
        Value::Absent => {}
        Value::Number(number) => each(Part::Whole, *number),
        Value::Histogram(histogram) if family.max => each(Part::Whole, Number::Float(histogram.max)),
        Value::Histogram(histogram) => {
            for (bound, count) in histogram.bounds.iter().zip(&histogram.counts) {
                each(Part::Bucket(*bound), Number::Uint(*count));
            }
            if histogram.bounds.last().is_none_or(|last| last.is_finite()) {
                each(Part::Bucket(f64::INFINITY), Number::Uint(histogram.count()));
            }
            each(Part::Sum, Number::Float(histogram.sum));
            each(Part::Count, Number::Uint(histogram.count()));
        }
    }
}
