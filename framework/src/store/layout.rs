//! How the store sees a table: which fields are keys, labels and values, and which labels are added to its rows.

use std::sync::Arc;

use gopher_protocol::table::{Field, Kind, Table};

use crate::enrich::{Added, CONTAINER_LABELS};

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
    /// Index of the key or label field `container_id`: its rows get the labels of that container.
    pub container: Option<usize>,
    /// True when the table has a field `comm` of its own.
    pub own_comm: bool,
    /// Which of [`CONTAINER_LABELS`] the table has as fields of its own.
    pub own_container: [bool; CONTAINER_LABELS.len()],
    /// True when the label `pod` holds the namespace too, as the original's does.
    pub pod_path: bool,
    /// Labels that the probe's scope adds, without those that the table has.
    pub added: Added,
    /// Global labels that no field of the table shadows.
    pub globals: GlobalLabels,
}

impl Layout {
    /// Derives the layout. Labels that the table shadows are left out.
    #[must_use]
    pub fn new(table: Arc<Table>, globals: &GlobalLabels, added: &Added, pod_path: bool) -> Self {
        let of = |wanted: fn(Kind) -> bool| table.fields_where(wanted).collect::<Vec<_>>();
        let label_field = |name: &str| table.field(name).filter(|index| table.fields[*index].kind.is_label());
        let (tgid, container) = (label_field("tgid"), label_field("container_id"));
        let process_details = tgid.is_some() && table.entity == "proc";
        let from_process = |name: &str| {
            tgid.is_some() && (name == "comm" || process_details && matches!(name, "cmdline" | "start_time"))
        };
        let from_container =
            |name: &str| (tgid.is_some() || container.is_some()) && CONTAINER_LABELS.contains(&name);
        let added = added.without(|name| label_field(name).is_some() || from_process(name));
        let is_free = |name: &str| {
            label_field(name).is_none() && !from_process(name) && !from_container(name) && !added.names(name)
        };
        let globals = globals.iter().filter(|(name, _)| is_free(name)).cloned().collect();
        Self {
            keys: of(|kind| kind == Kind::Key),
            labels: of(|kind| kind == Kind::Label),
            values: of(|kind| !kind.is_label()),
            tgid,
            process_details,
            container,
            own_comm: label_field("comm").is_some(),
            own_container: CONTAINER_LABELS.map(|name| label_field(name).is_some()),
            pod_path,
            added,
            globals,
            table,
        }
    }

    /// The names of the table's own labels, keys first, in the order of [`super::Labels::own`].
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().chain(&self.labels).map(|index| self.table.fields[*index].name.as_str())
    }

    /// The names of the labels that rows of the table may have beside its own, in the order of
    /// [`super::Labels::each_added`].
    #[must_use]
    pub fn added_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if self.tgid.is_some() {
            names.extend((!self.own_comm).then_some("comm"));
            names.extend(self.process_details.then_some(["cmdline", "start_time"]).into_iter().flatten());
        }
        if self.tgid.is_some() || self.container.is_some() {
            let of_container = CONTAINER_LABELS.into_iter().zip(self.own_container);
            names.extend(of_container.filter_map(|(name, own)| (!own).then_some(name)));
        }
        let mut names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        names.extend(self.added.label_names().map(str::to_owned));
        names.extend(self.globals.iter().map(|(name, _)| name.clone()));
        names
    }

    /// The field behind value `index`.
    #[must_use]
    pub fn value_field(&self, index: usize) -> Option<&Field> {
        self.values.get(index).and_then(|field| self.table.fields.get(*field))
    }
}
