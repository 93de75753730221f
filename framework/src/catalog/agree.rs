//! Tables that share a metric must describe it alike: type, unit, label names; and no metric takes a name of
//! another, suffixes included. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use gopher_protocol::table::{Field, Kind, Table};

use super::folder::Folder;

/// The metrics of all folders admitted so far, by every name that they take up.
#[derive(Default)]
pub(super) struct Metrics(HashMap<String, Arc<Shape>>);

/// What must be equal wherever the metric appears, and where it appeared first.
struct Shape {
    metric: String,
    kind: Kind,
    unit: Option<String>,
    labels: BTreeSet<String>,
    field: String,
    owner: String,
}

impl Metrics {
    /// Takes the folder's metrics in, or none of them and says which one contradicts whom.
    pub(super) fn admit(&mut self, folder: &Folder) -> Result<(), String> {
        let mut new: HashMap<String, Arc<Shape>> = HashMap::new();
        for table in &folder.manifest.tables {
            for field in table.fields.iter().filter(|field| !field.kind.is_label()) {
                let shape = Arc::new(Shape::of(folder, table, field));
                for name in field.kind.expansions(&shape.metric) {
                    match self.0.get(&name).or_else(|| new.get(&name)) {
                        Some(first) => first.allows(&shape, &name)?,
                        None => {
                            new.insert(name, Arc::clone(&shape));
                        }
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
        Self {
            metric: table.metric(field),
            kind: field.kind,
            unit: field.unit.clone(),
            labels: labels.collect(),
            field: field.name.clone(),
            owner,
        }
    }

    /// Says why a later metric cannot have the name as well.
    fn allows(&self, later: &Self, name: &str) -> Result<(), String> {
        if self.metric == later.metric {
            return self.same_as(later).map_err(|difference| {
                format!("{name} of {} contradicts {}: {difference}", later.owner, self.owner)
            });
        }
        let side = |shape: &Self| format!("{} `{}` of {}", word(shape.kind), shape.field, shape.owner);
        Err(format!("{} makes the metric {name}, as {} does; rename one of them", side(later), side(self)))
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
