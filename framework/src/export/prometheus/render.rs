//! One table to text: for each of its families the lines of all rows.

use bytes::Bytes;
use gopher_protocol::histogram::{Histogram, write_bound};
use gopher_protocol::number::Number;

use super::families::{Family, families};
use super::filter::Filter;
use super::text::{labels, push_number};
use crate::store::{TableSnapshot, Value};

/// The text of one table in modern exposition, the same in both formats.
#[derive(Debug)]
pub(super) struct RenderedTable {
    pub(super) version: u64,
    pub(super) families: Vec<(Family, Bytes)>,
}

impl RenderedTable {
    pub(super) fn render(table: &TableSnapshot, filter: &Filter) -> Self {
        let families = families(&table.layout, filter);
        let mut texts: Vec<Vec<u8>> = families.iter().map(|_| Vec::new()).collect();
        for (row, series) in table.labels.iter().enumerate() {
            let labels = labels(series, &table.layout);
            let values = table.values(row);
            for (family, text) in families.iter().zip(&mut texts) {
                match &values[family.value] {
                    Value::Absent => {}
                    Value::Number(number) => sample(text, &family.name, labels, *number),
                    Value::Histogram(histogram) if family.max => {
                        sample(text, &family.name, labels, Number::Float(histogram.max));
                    }
                    Value::Histogram(histogram) => buckets(text, &family.name, labels, histogram),
                }
            }
        }
        let texts = texts.into_iter().map(Bytes::from);
        Self { version: table.version, families: families.into_iter().zip(texts).collect() }
    }
}

#[inline]
fn sample(out: &mut Vec<u8>, name: &str, labels: &str, number: Number) {
    out.extend_from_slice(name.as_bytes());
    if labels.len() > 1 {
        out.extend_from_slice(labels.as_bytes());
        out.push(b'}');
    }
    out.push(b' ');
    push_number(out, number);
    out.push(b'\n');
}

fn buckets(out: &mut Vec<u8>, name: &str, labels: &str, histogram: &Histogram) {
    let mut bucket = |bound: f64, count: u64| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"_bucket");
        out.extend_from_slice(labels.as_bytes());
        out.extend_from_slice(if labels.len() > 1 { b",le=\"" } else { b"le=\"" });
        write_bound(bound, out);
        out.extend_from_slice(b"\"} ");
        push_number(out, Number::Uint(count));
        out.push(b'\n');
    };
    for (bound, count) in histogram.bounds.iter().zip(&histogram.counts) {
        bucket(*bound, *count);
    }
    if histogram.bounds.last().is_none_or(|last| last.is_finite()) {
        bucket(f64::INFINITY, histogram.count());
    }
    sample(out, &format!("{name}_sum"), labels, Number::Float(histogram.sum));
    sample(out, &format!("{name}_count"), labels, Number::Uint(histogram.count()));
}
