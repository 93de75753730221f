//! Rows in, state out, for one table.

use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::manifest::Manifest;
use gopher_protocol::number::Number;
use gopher_protocol::table::Tables;
use proptest::prelude::*;

use super::*;
use crate::enrich::Added;
use crate::store::layout::GlobalLabels;

const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["demo"]
[[probe]]
name = "demo"
summary = "A demonstration."
[[probe.item]]
name = "sizes"
summary = "Sizes."
[[table]]
name = "t"
entity = "demo"
fields = [
  { name = "key", type = "key", help = "h" },
  { name = "state", type = "label", help = "h" },
  { name = "size", type = "gauge", item = "sizes", help = "h" },
  { name = "seen", type = "delta", help = "h" },
]
"#;

fn table() -> (Tables, TableStore) {
    let tables = Manifest::parse(MANIFEST).unwrap().tables();
    let layout = Layout::new(tables.all()[0].clone(), &GlobalLabels::default(), &Added::default(), false);
    (tables, TableStore::new(Arc::new(layout), true))
}

fn put(tables: &Tables, store: &mut TableStore, line: &str, now: u64) -> usize {
    let mut decoder = Decoder::new();
    let Ok(Line::Row(row)) = decoder.decode(tables, line.as_bytes()) else { panic!("no row: {line}") };
    let (hash, found) = store.find(&row.fields);
    let slot = store.place(hash, found, &Arrival { now, about: About::default() });
    let mut refused = 0;
    store.fill(slot.row, &row.fields, now, |_, _| refused += 1);
    refused
}

fn dump(store: &TableStore) -> Vec<String> {
    let mut lines: Vec<_> = (0..store.len())
        .map(|row| {
            let labels: Vec<_> = store.labels()[row].own().collect();
            let values = store.row_values(row).iter().map(|value| match value {
                Value::Number(number) => number.to_string(),
                _ => "-".to_owned(),
            });
            format!("{} {}", labels.join(","), values.collect::<Vec<_>>().join(" "))
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_last_row_per_key_is_kept_and_deltas_are_summed() {
    let (tables, mut store) = table();
    for line in ["|t|a|up|1|5|", "|t|b|up|2|1|", "|t|a|down|3|5|", "|t|a|down||1|"] {
        put(&tables, &mut store, line, 1);
    }
    assert_eq!(dump(&store), ["a,down 3 11", "b,up 2 1"]);
}

#[test]
fn a_bad_field_is_refused_and_the_row_kept() {
    let (tables, mut store) = table();
    put(&tables, &mut store, "|t|a|up|1|5|", 1);
    assert_eq!(put(&tables, &mut store, "|t|a|up|x|5|", 1), 1);
    assert_eq!(dump(&store), ["a,up 1 10"]);
}

#[test]
fn keys_that_only_join_alike_are_two_series() {
    let (tables, mut store) = table();
    put(&tables, &mut store, "|t|ab|c|1|1|", 1);
    put(&tables, &mut store, "|t|a|bc|1|1|", 1);
    assert_eq!(store.len(), 2);
}

#[test]
fn a_switched_off_item_goes_at_once_and_leaves_the_others() {
    let (tables, mut store) = table();
    put(&tables, &mut store, "|t|a|up|1|5|", 1);
    put(&tables, &mut store, "|t|b|up|1||", 1);
    let mut removed = 0;
    store.switch_off(|field| field == 2, |_| removed += 1);
    assert_eq!((dump(&store), removed), (vec!["a,up - 5".to_owned()], 1));
    put(&tables, &mut store, "|t|a|up|2|1|", 1);
    assert_eq!(dump(&store), ["a,up - 6"], "a row that was under way does not bring it back");
    store.switch_off(|_| false, |_| {});
    put(&tables, &mut store, "|t|a|up|2|1|", 1);
    assert_eq!(dump(&store), ["a,up 2 7"]);
}

proptest! {
    /// Against a plain map: any mix of rows and sweeps leaves the same keys with the same sums.
    #[test]
    fn it_agrees_with_a_plain_map(steps in prop::collection::vec((0u8..20, 0u64..100, prop::bool::weighted(0.1)), 1..300)) {
        let (tables, mut store) = table();
        let mut model = std::collections::BTreeMap::new();
        for (now, (key, seen, sweep)) in (1u64..).zip(steps) {
            if sweep {
                store.sweep(|updated, _| updated + 10 < now, |_| {});
                model.retain(|_, (updated, _)| *updated + 10 >= now);
            }
            put(&tables, &mut store, &format!("|t|k{key}|up|1|{seen}|"), now);
            let entry = model.entry(format!("k{key}")).or_insert((now, 0));
            *entry = (now, entry.1 + seen);
        }
        let expected: Vec<_> = model.iter().map(|(key, (_, sum))| format!("{key},up 1 {}", Number::Uint(*sum))).collect();
        prop_assert_eq!(dump(&store), expected);
        for key in model.keys() {
            let mut decoder = Decoder::new();
            let line = format!("|t|{key}|up|1|0|");
            let Ok(Line::Row(row)) = decoder.decode(&tables, line.as_bytes()) else { panic!("no row") };
            prop_assert!(store.find(&row.fields).1.is_some());
        }
    }
}
