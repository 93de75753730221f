//! One table to text: for each of its families the lines of all rows.

use bytes::Bytes;
use gopher_protocol::histogram::write_bound;
use gopher_protocol::number::Number;

use super::families::{Family, families};
use super::filter::Filter;
use super::series::{Part, samples};
use super::text::{labels, push_number};
use crate::store::TableSnapshot;

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
                samples(family, &values[family.value], |part, number| {
                    sample(text, &family.name, part, labels, number);
                });
            }
        }
        let texts = texts.into_iter().map(Bytes::from);
        Self { version: table.version, families: families.into_iter().zip(texts).collect() }
    }
}

#[inline]
fn sample(out: &mut Vec<u8>, name: &str, part: Part, labels: &str, number: Number) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(part.suffix().as_bytes());
    if labels.len() > 1 || matches!(part, Part::Bucket(_)) {
        out.extend_from_slice(labels.as_bytes());
        if let Part::Bucket(bound) = part {
            out.extend_from_slice(if labels.len() > 1 { b",le=\"" } else { b"le=\"" });
            write_bound(bound, out);
            out.push(b'"');
        }
        out.push(b'}');
    }
    out.push(b' ');
    push_number(out, number);
    out.push(b'\n');
}
