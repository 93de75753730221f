//! Snapshots in, messages out.

use prost::Message as _;

use super::proto::{STALE, TimeSeries, WriteRequest};
use super::*;
use crate::export::tests::TestStore;

const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["x"]
[[probe]]
name = "demo"
summary = "s"
[[table]]
name = "a"
entity = "demo"
fields = [
  { name = "key", type = "key", help = "h" },
  { name = "Zone", type = "label", help = "h" },
  { name = "size", type = "gauge", help = "h" },
  { name = "delay", type = "histogram", help = "h" },
]
"#;

fn demo() -> TestStore {
    TestStore::new(MANIFEST, &[])
}

fn messages(before: &Snapshot, now: &Snapshot) -> Vec<(Vec<TimeSeries>, u64)> {
    let open = |batch: Batch| {
        let message = snap::raw::Decoder::new().decompress_vec(&batch.body).unwrap();
        (WriteRequest::decode(&*message).unwrap().series, batch.rows)
    };
    batches(before, now, 7).unwrap().into_iter().map(open).collect()
}

/// A series as text; the value too where it is not a marker.
fn text(series: &TimeSeries) -> String {
    let labels =
        series.labels.iter().map(|label| [&label.name, &label.value].map(|b| String::from_utf8_lossy(b)));
    let labels: Vec<_> = labels.map(|pair| pair.join("=")).collect();
    let [sample] = &series.samples[..] else { panic!("{series:?}") };
    assert_eq!(sample.time, 7);
    let value = if sample.value.to_bits() == STALE { "stale".to_owned() } else { sample.value.to_string() };
    format!("{} {value}", labels.join(","))
}

fn all(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    messages(before, now).iter().flat_map(|(series, _)| series).map(text).collect()
}

#[test]
fn a_row_becomes_series_with_sorted_labels() {
    let now = demo().after("|a|k|z|5|2 1 1 5 3 9 4|\n|a|l||6||\n");
    assert_eq!(
        all(&Snapshot::default(), &now),
        [
            "Zone=z,__name__=gala_gopher_demo_size,key=k 5",
            "Zone=z,__name__=gala_gopher_demo_delay_bucket,key=k,le=1 1",
            "Zone=z,__name__=gala_gopher_demo_delay_bucket,key=k,le=5 3",
            "Zone=z,__name__=gala_gopher_demo_delay_bucket,key=k,le=+Inf 3",
            "Zone=z,__name__=gala_gopher_demo_delay_sum,key=k 9",
            "Zone=z,__name__=gala_gopher_demo_delay_count,key=k 3",
            "Zone=z,__name__=gala_gopher_demo_delay_max,key=k 4",
            "__name__=gala_gopher_demo_size,key=l 6",
        ]
    );
}

#[test]
fn series_that_are_gone_or_have_other_labels_end_and_others_do_not() {
    let demo = demo();
    let before = demo.after("|a|k|z|5||\n|a|l|z|6||\n");
    let now = demo.after("|a|k|y|5||\n");
    let ended = |all: Vec<String>| all.into_iter().filter(|text| text.ends_with("stale")).collect::<Vec<_>>();
    assert_eq!(ended(all(&before, &now)), ["Zone=z,__name__=gala_gopher_demo_size,key=k stale"]);
    assert_eq!(ended(all(&now, &Snapshot::default())).len(), 2);
    assert!(ended(all(&now, &now)).is_empty());
}

#[test]
fn a_series_whose_table_is_made_anew_lives_on() {
    let demo = demo();
    let before = demo.after("|a|k|z|5||\n|a|l|z|6||\n");
    demo.folder(&MANIFEST.replace("delay", "pause"));
    let now = demo.after("|a|k|z|7||\n");
    assert_eq!(
        all(&before, &now),
        [
            "Zone=z,__name__=gala_gopher_demo_size,key=l stale",
            "Zone=z,__name__=gala_gopher_demo_size,key=k 7"
        ]
    );
}

#[test]
fn a_large_push_is_divided_between_rows() {
    let lines: String = (0..25_000).map(|key| format!("|a|{key}||1||\n")).collect();
    let made = messages(&Snapshot::default(), &demo().after(&lines));
    let sizes: Vec<_> = made.iter().map(|(series, rows)| (series.len(), *rows)).collect();
    assert_eq!(sizes, [(10_000, 10_000), (10_000, 10_000), (5_000, 5_000)]);
}
