//! A snapshot as time series: names, labels and values as `/metrics` shows them.

use bytes::Bytes;
use gopher_protocol::histogram::write_bound;

use super::proto::{Label, Sample, TimeSeries};
use crate::export::prometheus::Filter;
use crate::export::prometheus::families::{Family, families};
use crate::export::prometheus::series::{Part, samples};
use crate::store::{TableSnapshot, Value};

const NAME: &[u8] = b"__name__";

/// The families of one table, to expand its rows with.
pub(super) struct Expansion<'t> {
    table: &'t TableSnapshot,
    families: Vec<Family>,
}

impl<'t> Expansion<'t> {
    /// Of this table.
    pub(super) fn new(table: &'t TableSnapshot) -> Self {
        Self { table, families: families(&table.layout, &Filter::default()) }
    }

    /// Appends the series of a row, each with one sample. `value` replaces the values where it is given.
    pub(super) fn row(&self, row: usize, time: i64, value: Option<f64>, out: &mut Vec<TimeSeries>) {
        let Some(series) = self.table.labels.get(row) else { return };
        let mut labels = Vec::new();
        series.each(&self.table.layout, |name, value| {
            // To Prometheus an empty label is none, and the specification has no place for it.
            if !value.is_empty() {
                labels.push(label(name.as_bytes(), value.as_bytes()));
            }
        });
        let values = self.table.values(row);
        for family in &self.families {
            let Some(of) = values.get(family.value) else { continue };
            samples(family, of, |part, number| {
                let value = value.unwrap_or_else(|| number.as_f64());
                let samples = vec![Sample { value, time }];
                out.push(TimeSeries { labels: named(&labels, family, part), samples });
            });
        }
    }

    /// Whether two states of a row have the same series.
    pub(super) fn same_shape(before: &[Value], now: &[Value]) -> bool {
        before.len() == now.len()
            && before.iter().zip(now).all(|pair| match pair {
                (Value::Histogram(before), Value::Histogram(now)) => before.bounds == now.bounds,
                (before, now) => std::mem::discriminant(before) == std::mem::discriminant(now),
            })
    }
}

/// The labels of one sample of a row, sorted as the specification wants them.
fn named(row: &[Label], family: &Family, part: Part) -> Vec<Label> {
    let mut labels = Vec::with_capacity(row.len() + 2);
    labels.push(label(NAME, format!("{}{}", family.name, part.suffix()).as_bytes()));
    labels.extend_from_slice(row);
    if let Part::Bucket(bound) = part {
        let mut le = Vec::new();
        write_bound(bound, &mut le);
        labels.push(label(b"le", &le));
    }
    labels.sort_unstable();
    labels
}

fn label(name: &[u8], value: &[u8]) -> Label {
    Label { name: Bytes::copy_from_slice(name), value: Bytes::copy_from_slice(value) }
}
