//! Snapshots in, messages out; and the fate of every batch in a queue.

use std::path::Path;

use gopher_protocol::manifest::Manifest;
use prost::Message as _;

use super::batch::Batch;
use super::proto::{STALE, TimeSeries, WriteRequest};
use super::queue::Fate;
use super::*;
use crate::enrich::Processes;
use crate::ingest::Intakes;
use crate::store::Limits;
use crate::supervise::LineSink;
use crate::telemetry::{AgentMetrics, ExportCounters};

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

struct Demo {
    store: Store,
    intakes: Intakes,
}

impl Demo {
    fn new() -> Self {
        let limits = Limits { record_timeout: 60_000, series_per_table: 100_000, series_total: 100_000 };
        let processes = Arc::new(Processes::new(Path::new("/")));
        let demo = Self {
            store: Store::new(limits, Vec::new().into(), processes, false),
            intakes: Intakes::new(AgentMetrics::new().unwrap()),
        };
        demo.folder(MANIFEST);
        demo
    }

    fn folder(&self, manifest: &str) {
        let manifest = Manifest::parse(manifest).unwrap();
        self.intakes.set(&manifest, self.store.folder(&manifest));
    }

    fn after(&self, lines: &str) -> Snapshot {
        let mut intake = self.intakes.intake("demo").unwrap();
        intake.accept(lines.as_bytes(), &mut |_| panic!("text"));
        self.store.snapshot()
    }
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
    let now = Demo::new().after("|a|k|z|5|2 1 1 5 3 9 4|\n|a|l||6||\n");
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
    let demo = Demo::new();
    let before = demo.after("|a|k|z|5||\n|a|l|z|6||\n");
    let now = demo.after("|a|k|y|5||\n");
    let ended = |all: Vec<String>| all.into_iter().filter(|text| text.ends_with("stale")).collect::<Vec<_>>();
    assert_eq!(ended(all(&before, &now)), ["Zone=z,__name__=gala_gopher_demo_size,key=k stale"]);
    assert_eq!(ended(all(&now, &Snapshot::default())).len(), 2);
    assert!(ended(all(&now, &now)).is_empty());
}

#[test]
fn a_series_whose_table_is_made_anew_lives_on() {
    let demo = Demo::new();
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
    let made = messages(&Snapshot::default(), &Demo::new().after(&lines));
    let sizes: Vec<_> = made.iter().map(|(series, rows)| (series.len(), *rows)).collect();
    assert_eq!(sizes, [(10_000, 10_000), (10_000, 10_000), (5_000, 5_000)]);
}

/// Sent, failed, dropped, queued.
fn counts(counters: &ExportCounters) -> (u64, u64, u64, i64) {
    (counters.sent.get(), counters.failed.get(), counters.dropped.get(), counters.queued.get())
}

#[tokio::test]
async fn every_row_of_a_queue_is_counted_once() {
    let counters = AgentMetrics::new().unwrap().exporter("test");
    let queue = Queue::new(2, counters.clone());
    let push = |rows| queue.push(Batch { body: Default::default(), rows });
    push(1);
    push(2);
    assert_eq!(counts(&counters), (0, 0, 0, 3));
    let first = queue.take().await.unwrap();
    assert_eq!(first.rows, 1);
    push(4);
    // The one that was taken is the oldest and has no place any more.
    queue.put_back(first);
    assert_eq!(counts(&counters), (0, 0, 1, 6));
    push(8);
    assert_eq!(counts(&counters), (0, 0, 3, 12));
    let next = queue.take().await.unwrap();
    queue.put_back(next);
    let next = queue.take().await.unwrap();
    assert_eq!(next.rows, 4);
    queue.end(&next, Fate::Failed);
    assert_eq!(queue.abandon(), 8);
    assert_eq!(counts(&counters), (0, 4, 11, 0));
    queue.close();
    assert!(queue.take().await.is_none());
}
