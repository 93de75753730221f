//! Who owns a label set where several tables share a metric name: two rows must not become the same sample.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::labels::Labels;
use super::layout::Layout;
use crate::sync::lock;

/// Identifies a table over all folders and times.
pub(super) type TableId = u64;

/// The label sets in use, per group of tables that share a metric name.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The group of each table that shares a metric name with another: the lowest id of the group.
    groups: HashMap<TableId, TableId>,
    owners: HashMap<String, TableId>,
}

impl Claims {
    /// Learns which tables share a metric name. When that has changed all claims are void and the answer is true:
    /// every row has to claim anew.
    pub(super) fn share(&self, tables: &[(TableId, Arc<Layout>)]) -> bool {
        let groups = groups(tables);
        let mut state = lock(&self.0);
        if state.groups == groups {
            return false;
        }
        *state = State { groups, owners: HashMap::new() };
        true
    }

    /// Claims the label set for the table; false when another table has it.
    pub(super) fn claim(&self, table: TableId, layout: &Layout, labels: &Labels) -> bool {
        let mut state = lock(&self.0);
        let Some(group) = state.groups.get(&table).copied() else { return true };
        *state.owners.entry(identity(group, layout, labels)).or_insert(table) == table
    }

    /// Gives a label set back.
    pub(super) fn release(&self, table: TableId, layout: &Layout, labels: &Labels) {
        let mut state = lock(&self.0);
        let Some(group) = state.groups.get(&table).copied() else { return };
        let identity = identity(group, layout, labels);
        if state.owners.get(&identity) == Some(&table) {
            state.owners.remove(&identity);
        }
    }
}

/// Joins tables that have a metric name in common, directly or through others; tables on their own are left out.
fn groups(tables: &[(TableId, Arc<Layout>)]) -> HashMap<TableId, TableId> {
    let mut group: HashMap<TableId, TableId> = tables.iter().map(|(id, _)| (*id, *id)).collect();
    let mut owner: HashMap<String, TableId> = HashMap::new();
    for (id, layout) in tables {
        for field in layout.table.fields.iter().filter(|field| !field.kind.is_label()) {
            let first = *owner.entry(layout.table.metric(field)).or_insert(*id);
            let (a, b) = (group[&first], group[id]);
            group
                .values_mut()
                .filter(|joined| **joined == a || **joined == b)
                .for_each(|joined| *joined = a.min(b));
        }
    }
    let mut sizes: HashMap<TableId, usize> = HashMap::new();
    group.values().for_each(|id| *sizes.entry(*id).or_default() += 1);
    group.retain(|_, id| sizes[id] > 1);
    group
}

/// The group and all labels in the order of their names: what Prometheus tells series apart by.
fn identity(group: TableId, layout: &Layout, labels: &Labels) -> String {
    let mut pairs = Vec::new();
    labels.each(layout, |name, value| pairs.push((name.to_owned(), value.to_owned())));
    pairs.sort();
    format!("{group} {pairs:?}")
}
