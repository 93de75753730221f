//! Tables that share a metric must describe it alike: type, unit, label names. Pure.

use std::collections::{BTreeSet, HashMap};

use gopher_protocol::table::{Field, Kind, Table};

use super::folder::Folder;

/// The metrics of all folders admitted so far.
#[derive(Default)]
pub(super) struct Metrics(HashMap<String, Shape>);

/// What must be equal wherever the metric appears, and where it appeared first.
struct Shape {
    kind: Kind,
    unit: Option<String>,
    labels: BTreeSet<String>,
    owner: String,
}

impl Metrics {
    /// Takes the folder's metrics in, or none of them and says which one contradicts whom.
    pub(super) fn admit(&mut self, folder: &Folder) -> Result<(), String> {
        let mut new: HashMap<String, Shape> = HashMap::new();
        for table in &folder.manifest.tables {
            for field in table.fields.iter().filter(|field| !field.kind.is_label()) {
                let metric = table.metric(field);
                let shape = Shape::of(folder, table, field);
                match self.0.get(&metric).or_else(|| new.get(&metric)) {
                    Some(first) => first.same_as(&shape).map_err(|difference| {
                        format!("{metric} of {} contradicts {}: {difference}", shape.owner, first.owner)
                    })?,
                    None => {
                        new.insert(metric, shape);
                    }
                }
            }
        }
        self.0.extend(new);
        Ok(())
    }
}

impl Shape {
    fn of(folder: &Folder, table: &Table, field: &Field) -> Self {
        let labels = table.fields.iter().filter(|f| f.kind.is_label()).map(|f| f.name.clone());
        let owner = format!("table `{}` in {}", table.name, folder.path.display());
        Self { kind: field.kind, unit: field.unit.clone(), labels: labels.collect(), owner }
    }

    fn same_as(&self, later: &Self) -> Result<(), String> {
        if self.kind != later.kind {
            return Err(format!("type {} instead of {}", word(later.kind), word(self.kind)));
        }
        if self.unit != later.unit {
            let name = |unit: &Option<String>| unit.clone().unwrap_or_else(|| "none".into());
            return Err(format!("unit {} instead of {}", name(&later.unit), name(&self.unit)));
        }
        if self.labels != later.labels {
            let list = |labels: &BTreeSet<String>| labels.iter().cloned().collect::<Vec<_>>().join(", ");
            return Err(format!("labels {} instead of {}", list(&later.labels), list(&self.labels)));
        }
        Ok(())
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Key => "key",
        Kind::Label => "label",
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Delta => "delta",
        Kind::Histogram => "histogram",
    }
}
