//! What a table is: its keys, labels and metrics, for those who read rows elsewhere.

use super::Json;
use super::pair;
use super::text::{list, quote, show};
use crate::store::Layout;

/// The original writes its version of the shape into every object.
const VERSION: &str = "1.0.0";

impl Json {
    /// Appends the description of a table. `time` is in milliseconds since 1970.
    pub fn table(&self, out: &mut String, time: u64, layout: &Layout) {
        let table = &layout.table;
        let names = |indices: &[usize]| -> Vec<&str> {
            indices.iter().map(|index| table.fields[*index].name.as_str()).collect()
        };
        show(out, format_args!("{{\"timestamp\": {time}, \"meta_name\": "));
        quote(out, &table.name);
        pair(out, "entity_name", &table.entity);
        pair(out, "version", VERSION);
        out.push_str(", \"keys\": ");
        list(out, ["machine_id"].into_iter().chain(names(&layout.keys)));
        out.push_str(", \"labels\": ");
        let own = names(&layout.labels);
        let added = layout.added_names();
        let added = added
            .iter()
            .map(String::as_str)
            .filter(|name| *name != "machine_id" && table.field(name).is_none());
        list(out, own.into_iter().chain(added));
        out.push_str(", \"metrics\": ");
        list(out, names(&layout.values).into_iter());
        out.push('}');
    }
}
