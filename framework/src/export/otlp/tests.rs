//! Requests as a receiver reads them, made of rows that came from a probe.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use prost::Message as _;

use super::*;
use crate::enrich::Host;
use crate::export::delivery::Collect as _;
use crate::export::tests::TestStore;
use crate::store::Snapshot;

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
  { name = "State", type = "label", help = "h" },
  { name = "size", type = "gauge", unit = "bytes", help = "A size." },
  { name = "seen", type = "delta", help = "Things seen." },
  { name = "raw", type = "counter", help = "Things counted." },
  { name = "delay", type = "histogram", help = "Delays." },
]
"#;

fn store() -> TestStore {
    TestStore::new(MANIFEST, &[("machine_id", "m"), ("hostname", "h")])
}

fn collector() -> Collector {
    let host = Host { machine_id: "m".into(), upstream_id: "u".into(), hostname: "h".into() };
    Collector::new(resource::resource(&host))
}

fn requests(collector: &mut Collector, snapshot: &Snapshot, time: u64) -> Vec<ExportMetricsServiceRequest> {
    let batches = collector.collect(snapshot, time);
    batches.iter().map(|batch| ExportMetricsServiceRequest::decode(batch.body.clone()).unwrap()).collect()
}

fn metrics(requests: &[ExportMetricsServiceRequest]) -> Vec<Metric> {
    let scopes = requests.iter().flat_map(|request| &request.resource_metrics[0].scope_metrics);
    scopes.flat_map(|scope| scope.metrics.clone()).collect()
}

/// Start and value of each point of a sum.
fn sums(metrics: &[Metric], name: &str) -> Vec<(u64, i64)> {
    let of = metrics.iter().filter(|metric| metric.name == name).flat_map(|metric| match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.clone(),
        other => panic!("no sum: {other:?}"),
    });
    of.map(|point| match point.value {
        Some(number_data_point::Value::AsInt(value)) => (point.start_time_unix_nano / 1_000_000, value),
        other => panic!("no whole number: {other:?}"),
    })
    .collect()
}

#[test]
fn values_become_points_under_the_names_of_the_page() {
    let snapshot = store().after("|a|k|up|5.5|2|7|2 1 1 5 3 9 4|\n");
    let metrics = metrics(&requests(&mut collector(), &snapshot, 77));
    let names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    let expected = ["size", "seen_total", "raw_total", "delay", "delay_max"];
    assert_eq!(names, expected.map(|name| format!("gala_gopher_demo_{name}")));
    let Some(Data::Gauge(gauge)) = &metrics[0].data else { panic!("no gauge") };
    let point = &gauge.data_points[0];
    assert_eq!(
        (point.value, point.time_unix_nano),
        (Some(number_data_point::Value::AsDouble(5.5)), 77_000_000)
    );
    let Some(Data::Sum(sum)) = &metrics[1].data else { panic!("no sum") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
    let Some(Data::Histogram(histogram)) = &metrics[3].data else { panic!("no histogram") };
    let point = &histogram.data_points[0];
    assert_eq!((point.count, point.sum), (3, Some(9.0)));
    assert_eq!((&point.explicit_bounds[..], &point.bucket_counts[..]), (&[1.0, 5.0][..], &[1, 2, 0][..]));
}

#[test]
fn the_resource_says_whom_all_is_from_and_points_do_not_repeat_it() {
    let snapshot = store().after("|a|k|up|5||||\n");
    let requests = requests(&mut collector(), &snapshot, 1);
    let resource = requests[0].resource_metrics[0].resource.clone().unwrap();
    let text = |value: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| match &value
        .as_ref()
        .unwrap()
        .value
    {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        other => panic!("no text: {other:?}"),
    };
    let found = resource.attributes.iter().map(|pair| format!("{}={}", pair.key, text(&pair.value)));
    let version = concat!("service.version=", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        found.collect::<Vec<_>>(),
        ["service.name=gala-gopher", version, "service.instance.id=m", "host.id=m", "host.name=h"]
    );
    let Some(Data::Gauge(gauge)) = &metrics(&requests)[0].data else { panic!("no gauge") };
    let keys: Vec<_> = gauge.data_points[0].attributes.iter().map(|pair| pair.key.clone()).collect();
    assert_eq!(keys, ["key", "State"]);
}

#[test]
fn a_sum_starts_when_it_is_first_seen_and_anew_after_a_reset() {
    let (store, mut collector) = (store(), collector());
    let mut raw = |line: &str, time| {
        let snapshot = store.after(&format!("{line}\n"));
        sums(&metrics(&requests(&mut collector, &snapshot, time)), "gala_gopher_demo_raw_total")
    };
    assert_eq!(raw("|a|a|up|||5||", 10), [(10, 5)]);
    assert_eq!(raw("|a|a|up|||6||", 20), [(10, 6)]);
    assert_eq!(raw("|a|b|up|||9||", 30), [(10, 6), (30, 9)]);
    assert_eq!(raw("|a|a|up|||2||", 40), [(30, 2), (30, 9)]);
    assert_eq!(raw("|a|a|up|||3||", 50), [(30, 3), (30, 9)]);
}

#[test]
fn a_request_holds_a_bounded_number_of_points() {
    let lines: String = (0..3000).map(|key| format!("|a|{key}|up|1|2|||\n")).collect();
    let snapshot = store().after(&lines);
    let batches = collector().collect(&snapshot, 1);
    assert_eq!(batches.iter().map(|batch| batch.rows).collect::<Vec<_>>(), [2000, 2000, 2000]);
    let requests = requests(&mut collector(), &snapshot, 1);
    assert_eq!(sums(&metrics(&requests), "gala_gopher_demo_seen_total").len(), 3000);
}
