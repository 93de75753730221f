//! The original agent's text: row by row, no types, the values of the last period, time stamps in milliseconds.

use bytes::Bytes;
use gopher_protocol::histogram::{Histogram, write_bound};
use gopher_protocol::number::Number;
use gopher_protocol::table::Kind;

use super::filter::Filter;
use super::text::{labels, push_number};
use crate::store::{TableSnapshot, Value};

/// The text of one table. `wall` is what to add to the monotonic clock to get milliseconds since 1970.
pub(super) fn render(table: &TableSnapshot, filter: &Filter, wall: u64) -> Bytes {
    let mut out = Vec::new();
    let names: Vec<_> = (0..table.layout.values.len())
        .filter_map(|value| table.layout.value_field(value))
        .map(|field| (table.layout.table.metric(field), field.kind))
        .collect();
    for (row, series) in table.labels.iter().enumerate() {
        let labels = labels(series, &table.layout);
        let time = table.updated(row).saturating_add(wall);
        let (state, last) = (table.values(row), table.last(row));
        for (at, (name, kind)) in names.iter().enumerate().filter(|(_, (name, _))| filter.shows(name)) {
            let shown = if *kind == Kind::Gauge { state.get(at) } else { last.get(at) };
            match shown {
                Some(Value::Number(number)) => sample(&mut out, name, labels, *number, time),
                Some(Value::Histogram(histogram)) => shape(&mut out, name, labels, histogram, time),
                Some(Value::Absent) | None => {}
            }
        }
    }
    if !out.is_empty() {
        out.push(b'\n');
    }
    Bytes::from(out)
}

fn sample(out: &mut Vec<u8>, name: &str, labels: &str, number: Number, time: u64) {
    line(out, name, labels, |_| {}, number, time);
}

/// The original's histogram: buckets without a suffix, `_sum`, `_max`, no `_count`.
fn shape(out: &mut Vec<u8>, name: &str, labels: &str, histogram: &Histogram, time: u64) {
    let mut bucket = |bound: f64, count: u64| {
        let le = |out: &mut Vec<u8>| {
            out.extend_from_slice(if labels.len() > 1 { b",le=\"" } else { b"le=\"" });
            write_bound(bound, out);
            out.push(b'"');
        };
        line(out, name, labels, le, Number::Uint(count), time);
    };
    for (bound, count) in histogram.bounds.iter().zip(&histogram.counts) {
        bucket(*bound, *count);
    }
    if histogram.bounds.last().is_none_or(|last| last.is_finite()) {
        bucket(f64::INFINITY, histogram.count());
    }
    sample(out, &format!("{name}_sum"), labels, Number::Float(histogram.sum), time);
    sample(out, &format!("{name}_max"), labels, Number::Float(histogram.max), time);
}

fn line(
    out: &mut Vec<u8>,
    name: &str,
    labels: &str,
    le: impl FnOnce(&mut Vec<u8>),
    number: Number,
    time: u64,
) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(labels.as_bytes());
    le(out);
    out.extend_from_slice(b"} ");
    push_number(out, number);
    out.push(b' ');
    push_number(out, Number::Uint(time));
    out.push(b'\n');
}
