//! The metric families that a table expands to.

use gopher_protocol::table::{Field, Kind, Table};

use super::filter::Filter;
use crate::store::Layout;

/// What a family is in TYPE lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) enum Type {
    Gauge,
    Counter,
    Histogram,
}

/// One family of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::export) struct Family {
    /// The name of its samples; for a histogram without `_bucket`, `_sum`, `_count`.
    pub(in crate::export) name: String,
    pub(in crate::export) kind: Type,
    pub(in crate::export) help: String,
    pub(in crate::export) unit: Option<String>,
    /// Which of the row's values it shows.
    pub(in crate::export) value: usize,
    /// Shows the histogram's largest value instead of its buckets.
    pub(in crate::export) max: bool,
}

/// All families of a table in modern exposition, in field order.
pub(in crate::export) fn families(layout: &Layout, filter: &Filter) -> Vec<Family> {
    let mut families = Vec::new();
    for value in 0..layout.values.len() {
        let Some(field) = layout.value_field(value).filter(|field| !field.upstream_only) else { continue };
        families.push(family(&layout.table, field, value));
        if field.kind == Kind::Histogram {
            let name = format!("{}_max", layout.table.metric(field));
            let help = format!("{} The largest value of the last period.", field.help);
            let help = with_unit(help, &name, field);
            families.push(Family { name, kind: Type::Gauge, help, unit: None, value, max: true });
        }
    }
    families.retain(|family| filter.shows(&family.name));
    families
}

fn family(table: &Table, field: &Field, value: usize) -> Family {
    let mut name = table.metric(field);
    let kind = match field.kind {
        Kind::Counter | Kind::Delta => Type::Counter,
        Kind::Histogram => Type::Histogram,
        _ => Type::Gauge,
    };
    if kind == Type::Counter && !name.ends_with("_total") {
        name.push_str("_total");
    }
    let help = with_unit(field.help.clone(), &name, field);
    Family { name, kind, help, unit: field.unit.clone(), value, max: false }
}

/// The help, with the unit where no part of the name is it: many names are the original's, which leaves it out.
fn with_unit(help: String, name: &str, field: &Field) -> String {
    match &field.unit {
        Some(unit) if !name.split('_').any(|part| part == unit) => format!("{help} Unit: {unit}."),
        _ => help,
    }
}

impl Family {
    /// The lines before the samples: HELP and TYPE, in OpenMetrics UNIT where the name ends in it.
    pub(super) fn header(&self, open_metrics: bool) -> String {
        let name = match self.kind {
            Type::Counter if open_metrics => self.name.strip_suffix("_total").unwrap_or(&self.name),
            _ => &self.name,
        };
        let kind = match self.kind {
            Type::Gauge => "gauge",
            Type::Counter => "counter",
            Type::Histogram => "histogram",
        };
        let help = self.help.replace('\\', r"\\").replace('\n', r"\n");
        let help = if open_metrics { help.replace('"', "\\\"") } else { help };
        let mut header = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        if let Some(unit) =
            self.unit.as_ref().filter(|unit| open_metrics && name.ends_with(&format!("_{unit}")))
        {
            header.push_str(&format!("# UNIT {name} {unit}\n"));
        }
        header
    }
}
