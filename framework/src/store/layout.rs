//! How the store sees a table: which fields are keys, labels and values, and which labels are added to its rows.

use std::sync::Arc;

use gopher_protocol::table::{Field, Kind, Table};

/// Labels that every series carries unless its table has a field of that name: machine id, host name, custom ones.
pub type GlobalLabels = Arc<[(String, String)]>;

/// A table with everything the hot path would otherwise look up.
#[derive(Debug)]
pub struct Layout {
    /// The table itself.
    pub table: Arc<Table>,
    /// Indices of key fields, in line order.
    pub keys: Vec<usize>,
    /// Indices of label fields, in line order.
    pub labels: Vec<usize>,
    /// Indices of fields with a value, in line order; a row's values stand in this order.
    pub values: Vec<usize>,
    /// Index of the key or label field `tgid`: its rows get process labels.
    pub tgid: Option<usize>,
    /// True when the process labels include command line and start time: entity `proc` only, a command line can
    /// hold secrets.
    pub process_details: bool,
    /// True when the table has a field `comm` of its own.
    pub own_comm: bool,
    /// Global labels that no field of the table shadows.
    pub globals: GlobalLabels,
}

impl Layout {
    /// Derives the layout. Global labels that the table shadows are left out.
    #[must_use]
    pub fn new(table: Arc<Table>, globals: &GlobalLabels) -> Self {
        let of = |wanted: fn(Kind) -> bool| table.fields_where(wanted).collect::<Vec<_>>();
        let label_field = |name: &str| table.field(name).filter(|index| table.fields[*index].kind.is_label());
        let tgid = label_field("tgid");
        let process_details = tgid.is_some() && table.entity == "proc";
        let added = |name: &str| {
            tgid.is_some() && (name == "comm" || process_details && matches!(name, "cmdline" | "start_time"))
        };
        let globals =
            globals.iter().filter(|(name, _)| label_field(name).is_none() && !added(name)).cloned().collect();
        Self {
            keys: of(|kind| kind == Kind::Key),
            labels: of(|kind| kind == Kind::Label),
            values: of(|kind| !kind.is_label()),
            tgid,
            process_details,
            own_comm: label_field("comm").is_some(),
            globals,
            table,
        }
    }

    /// The names of the table's own labels, keys first, in the order of [`super::Labels::own`].
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().chain(&self.labels).map(|index| self.table.fields[*index].name.as_str())
    }

    /// The field behind value `index`.
    #[must_use]
    pub fn value_field(&self, index: usize) -> Option<&Field> {
        self.values.get(index).and_then(|field| self.table.fields.get(*field))
    }
}
