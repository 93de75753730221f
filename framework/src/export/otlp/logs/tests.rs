//! Requests as a receiver reads them, made of events and log records that came from a probe.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;

use super::*;
use crate::export::delivery::Bound;
use crate::export::otlp::resource::resource;
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
fields = [{ name = "key", type = "key", help = "h" }, { name = "v", type = "gauge", help = "h" }]
"#;

fn store() -> TestStore {
    TestStore::new(MANIFEST, &[])
}

/// All that is sent of what these lines bring, and rows as they are counted.
async fn sent(lines: &str) -> (Vec<ExportLogsServiceRequest>, Vec<u64>) {
    let store = store();
    let feed = store.feed();
    let logs = Logs::new(resource(&feed.host), &feed);
    store.after(lines);
    let queue = Queue::new("test", Bound::Batches(100), feed.counters.clone());
    let stop = CancellationToken::new();
    stop.cancel();
    logs.fill(&queue, &stop).await;
    queue.close();
    let (mut requests, mut rows) = (Vec::new(), Vec::new());
    while let Some(batch) = queue.take().await {
        requests.push(ExportLogsServiceRequest::decode(batch.body.clone()).unwrap());
        rows.push(batch.rows);
    }
    (requests, rows)
}

/// As `name=value` for texts and whole numbers.
fn shown(attributes: &[KeyValue]) -> Vec<String> {
    let show = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => format!("{}={text}", pair.key),
        Some(Value::IntValue(number)) => format!("{}:{number}", pair.key),
        other => format!("{}?{other:?}", pair.key),
    };
    attributes.iter().map(show).collect()
}

fn text(value: Option<&AnyValue>) -> &str {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test]
async fn an_event_is_a_log_record_with_attributes_by_the_conventions() {
    let (requests, rows) =
        sent("|event|tcp|1:2|rtt|42|java|10.0.0.1|abc|uid-1|eth0|WARN|13|Slow \\| link.|\n").await;
    assert_eq!(rows, [1]);
    let all = &requests[0].resource_logs[0];
    assert_eq!(shown(&all.resource.as_ref().unwrap().attributes)[0], "service.name=gala-gopher");
    let log = &all.scope_logs[0].log_records[0];
    assert_eq!((log.severity_text.as_str(), log.severity_number), ("WARN", 13));
    assert_eq!(text(log.body.as_ref()), "Slow | link.");
    assert_eq!(log.event_name, "gala_gopher_tcp_rtt");
    assert!(log.time_unix_nano > 0 && log.time_unix_nano == log.observed_time_unix_nano);
    let time = log.time_unix_nano / 1_000_000;
    assert_eq!(
        shown(&log.attributes),
        [
            format!("event_id={time}_u_tcp_1:2").as_str(),
            "entity_id=u_tcp_1:2",
            "event_type=sys",
            "gala_gopher.probe=demo",
            "gala_gopher.entity=tcp",
            "gala_gopher.entity_id=1:2",
            "gala_gopher.metric=gala_gopher_tcp_rtt",
            "process.pid:42",
            "process.executable.name=java",
            "gala_gopher.ip=10.0.0.1",
            "container.id=abc",
            "k8s.pod.uid=uid-1",
            "system.device=eth0",
        ]
    );
}

#[tokio::test]
async fn an_event_says_nothing_of_what_it_does_not_know() {
    let (requests, _) = sent("|event|disk|sda|util|||||||ERROR|17|b|\n").await;
    let log = &requests[0].resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(log.attributes.len(), 7);
}

#[tokio::test]
async fn a_log_keeps_its_time_its_values_and_its_resource() {
    let line =
        r#"|log|1700000000000|"INFO"|9|{"host.name":"own","k":1}|{"events":[1,{"a":null}]}|{"m":true}|"#;
    let (requests, _) = sent(&format!("{line}\n{line}\n|log|1700000000000000001|||||text|\n")).await;
    let [own, agents] = &requests[0].resource_logs[..] else { panic!("{requests:#?}") };
    let resource = shown(&own.resource.as_ref().unwrap().attributes);
    assert_eq!(resource.iter().filter(|pair| pair.starts_with("host.name=")).count(), 1);
    assert!(resource.contains(&"host.name=own".to_owned()) && resource.contains(&"k:1".to_owned()));
    assert!(resource.contains(&"service.name=gala-gopher".to_owned()));
    let [log, _] = &own.scope_logs[0].log_records[..] else { panic!("{own:#?}") };
    assert_eq!(log.time_unix_nano, 1_700_000_000_000_000_000);
    assert_eq!((log.severity_text.as_str(), log.severity_number), ("INFO", 9));
    assert!(
        matches!(&log.body.as_ref().unwrap().value, Some(Value::KvlistValue(list)) if list.values[0].key == "m")
    );
    let plain = &agents.scope_logs[0].log_records[0];
    assert_eq!((plain.time_unix_nano, plain.severity_number), (1_700_000_000_000_000_001, 0));
    assert_eq!(text(plain.body.as_ref()), "text");
}

#[tokio::test]
async fn rows_are_not_logs_and_requests_hold_a_bounded_number() {
    let lines: String = (0..2500).map(|id| format!("|event|e|{id}|m|||||||INFO|9|b|\n|a|k|1|\n")).collect();
    let (_, rows) = sent(&lines).await;
    assert_eq!(rows, [1000, 1000, 500]);
}

#[tokio::test]
async fn what_the_stream_loses_is_counted_as_dropped() {
    let store = store();
    let feed = store.feed();
    let logs = Logs::new(resource(&feed.host), &feed);
    store.after(&"|event|e|i|m|||||||INFO|9|b|\n".repeat(WAITING + 5));
    let queue = Queue::new("test", Bound::Batches(100), feed.counters.clone());
    let stop = CancellationToken::new();
    stop.cancel();
    logs.fill(&queue, &stop).await;
    assert_eq!(feed.counters.dropped.get(), 5);
    assert_eq!(queue.abandon(), WAITING as u64);
}

mod any_line {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_a_record(fields in proptest::collection::vec("[{}\\[\\]\",: \n0-9a-z]{0,20}", 6)) {
            let fields: Vec<Box<str>> = fields.into_iter().map(Into::into).collect();
            let (resource, log) = of_log(&Resource::default(), "f", &fields, 5);
            let mut keys: Vec<_> = log.attributes.iter().map(|pair| &pair.key).collect();
            keys.sort();
            prop_assert!(keys.windows(2).all(|two| two[0] != two[1]));
            prop_assert!((0..=24).contains(&log.severity_number));
            let has_resource = !fields[3].trim().is_empty() && resource.is_some();
            prop_assert!(resource.is_none() || has_resource);
        }
    }
}
