//! The shapes of the original agent, byte by byte, and that nothing breaks them.

use std::path::Path;
use std::sync::Arc;

use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::manifest::Manifest;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::enrich::Processes;
use crate::ingest::RowSink;
use crate::store::{Limits, Store, Subscription, Wanted};

const MANIFEST: &str = r#"
protocol = 1
name = "demo"
exec = ["x"]
[[probe]]
name = "demo"
summary = "s"
[[probe.item]]
name = "one"
summary = "s"
[[table]]
name = "rows"
entity = "example"
fields = [
  { name = "key_name", type = "key", help = "h" },
  { name = "cpu_usage", type = "gauge", help = "h" },
  { name = "memory_usage", type = "gauge", help = "h" },
  { name = "wait", type = "histogram", help = "h" },
  { name = "tcp_connection_num", type = "counter", help = "h" },
]
[[table]]
name = "mixed"
entity = "example2"
fields = [
  { name = "count", type = "delta", item = "one", help = "h" },
  { name = "site", type = "label", help = "h" },
  { name = "id", type = "key", help = "h" },
]
[[table]]
name = "threads"
entity = "proc"
fields = [
  { name = "tgid", type = "key", help = "h" },
  { name = "size", type = "gauge", help = "h" },
]
"#;

fn host() -> Host {
    Host {
        machine_id: "m".to_owned(),
        upstream_id: "2c1c455d-24a5-897c-ea11-bc08f2d510da-192.0.2.2".to_owned(),
        hostname: "host1".to_owned(),
    }
}

fn store() -> Store {
    let globals = [("machine_id", "m"), ("hostname", "host1"), ("site", "north \"1\"")];
    let globals: Vec<_> = globals.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let limits =
        Limits { record_timeout: 60_000, series_per_table: 1000, series_total: 1000, event_window: 0 };
    Store::new(limits, globals.into(), Arc::new(Processes::new(Path::new("/"))), false)
}

/// Sends a line through decoder and store; the record that comes out.
fn record(line: &str) -> Arc<Record> {
    let store = store();
    let mut records = store.records().subscribe(Wanted::All, 10);
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let folder = store.folder(&manifest);
    let (mut decoder, mut batch) = (Decoder::new(), folder.batch());
    match decoder.decode(&manifest.tables(), line.as_bytes()) {
        Ok(Line::Row(row)) => batch.row(&row).unwrap(),
        Ok(Line::Event(event)) => assert!(batch.event(&event)),
        Ok(Line::Log(fields)) => batch.log(&fields),
        other => panic!("{line}: {other:?}"),
    }
    next(&mut records)
}

fn next(records: &mut Subscription) -> Arc<Record> {
    records.try_next().unwrap()
}

/// The object, with the time that every run has anew replaced.
fn object(line: &str) -> String {
    let record = record(line);
    let mut out = String::new();
    Json::new(&host()).record(&mut out, &record);
    serde_json::from_str::<Value>(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    out.replace(&record.time.to_string(), "TIME")
}

const MACHINE: &str = "\"machine_id\": \"2c1c455d-24a5-897c-ea11-bc08f2d510da-192.0.2.2\"";

#[test]
fn a_row_has_all_fields_as_texts_and_the_labels_that_were_added() {
    assert_eq!(
        object("|rows|system|10|||15|"),
        format!(
            "{{\"timestamp\": TIME, {MACHINE}, \"entity_name\": \"example\", \"table_name\": \"rows\", \
             \"key_name\": \"system\", \"cpu_usage\": \"10\", \"memory_usage\": \"(null)\", \"wait\": \"(null)\", \
             \"tcp_connection_num\": \"15\", \"hostname\": \"host1\", \"site\": \"north \\\"1\\\"\"}}"
        )
    );
}

#[test]
fn fields_stand_in_the_order_of_the_table_and_win_over_labels() {
    assert_eq!(
        object("|mixed|5|south|a|"),
        format!(
            "{{\"timestamp\": TIME, {MACHINE}, \"entity_name\": \"example2\", \"table_name\": \"mixed\", \
             \"count\": \"5\", \"site\": \"south\", \"id\": \"a\", \"hostname\": \"host1\"}}"
        )
    );
}

#[test]
fn a_value_that_was_refused_is_absent() {
    let text = object("|rows|system|nonsense|7||15|");
    assert!(text.contains("\"cpu_usage\": \"(null)\", \"memory_usage\": \"7\""), "{text}");
}

#[test]
fn an_event_is_as_the_original_writes_it() {
    let line = "|event|tcp_link|23139_client_10.0.0.1_/x|retran_packets|23139|sleep|CIP(10.0.0.1), \
                SIP(10.0.0.2:80)||||WARN|13|Sun Nov 22 13:13:00 2026 WARN Entity(1) Tcp retrans(3).|";
    let entity = "2c1c455d-24a5-897c-ea11-bc08f2d510da-192.0.2.2_tcp_link_23139_client_10.0.0.1_:x";
    assert_eq!(
        object(line),
        format!(
            "{{\"Timestamp\":TIME,\"event_id\":\"TIME_{entity}\",\"Attributes\":{{\"entity_id\":\"{entity}\",\
             \"event_id\":\"TIME_{entity}\",\"event_type\":\"sys\"}},\"Resource\":{{\"metric\":\
             \"gala_gopher_tcp_link_retran_packets\",\"labels\":{{\"Host\":\
             \"2c1c455d-24a5-897c-ea11-bc08f2d510da-192.0.2.2\",\"PID\":\"23139\",\"COMM\":\"sleep\",\
             \"IP\":\"CIP(10.0.0.1), SIP(10.0.0.2:80)\",\"ContainerID\":\"\",\"POD\":\"\",\"Device\":\"\"}}}},\
             \"SeverityText\":\"WARN\",\"SeverityNumber\":13,\
             \"Body\":\"Sun Nov 22 13:13:00 2026 WARN Entity(1) Tcp retrans(3).\"}}"
        )
    );
}

#[test]
fn a_log_is_passed_on_with_the_host_in_its_resource() {
    assert_eq!(
        object(r#"|log|1700000000000|"INFO"|9|{"thread.pid":"7"}|{"events":[1]}|""|"#),
        r#"{"Timestamp":1700000000000,"SeverityText":"INFO","SeverityNumber":9,"Resource":{"thread.pid":"7","host.id":"2c1c455d-24a5-897c-ea11-bc08f2d510da","host.name":"host1","host.ip":"192.0.2.2"},"Attributes":{"events":[1]},"Body":""}"#
    );
    assert!(object(r#"|log|1|"INFO"|9|{}|{}|""|"#).contains(r#""Resource":{"host.id":"#));
    assert!(
        object(r#"|log|1|"INFO"|9|{"host.name":"own"}|{}|""|"#).contains(r#"{"host.name":"own","host.id""#)
    );
    assert!(object("|log|||||broken{|text|").contains(r#""Attributes":"broken{","Body":"text"}"#));
}

#[test]
fn a_table_says_its_keys_labels_and_metrics() {
    let (json, store) = (Json::new(&host()), store());
    let folder = store.folder(&Manifest::parse(MANIFEST).unwrap());
    let tables = store.snapshot().tables;
    drop(folder);
    let objects = tables.iter().map(|table| {
        let mut out = String::new();
        json.table(&mut out, 5, &table.layout);
        serde_json::from_str::<Value>(&out).unwrap();
        out
    });
    let expected = [
        r#"{"timestamp": 5, "meta_name": "rows", "entity_name": "example", "version": "1.0.0", "keys": ["machine_id", "key_name"], "labels": ["hostname", "site"], "metrics": ["cpu_usage", "memory_usage", "wait", "tcp_connection_num"]}"#,
        r#"{"timestamp": 5, "meta_name": "mixed", "entity_name": "example2", "version": "1.0.0", "keys": ["machine_id", "id"], "labels": ["site", "hostname"], "metrics": ["count"]}"#,
        r#"{"timestamp": 5, "meta_name": "threads", "entity_name": "proc", "version": "1.0.0", "keys": ["machine_id", "tgid"], "labels": ["comm", "cmdline", "start_time", "container_id", "container_name", "container_image", "pod_id", "pod", "pod_namespace", "hostname", "site"], "metrics": ["size"]}"#,
    ];
    assert_eq!(objects.collect::<Vec<_>>(), expected);
}

proptest! {
    #[test]
    fn whatever_a_text_holds_it_comes_back(text in any::<String>()) {
        let quoted = quoted(&text);
        prop_assert!(!quoted.contains(['\n', '\r']));
        prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }

    #[test]
    fn a_log_of_any_fields_is_one_valid_line(fields in proptest::collection::vec("[{}\\[\\]\",: \n0-9a-z]{0,20}", 6)) {
        let fields: Vec<Box<str>> = fields.into_iter().map(Into::into).collect();
        let mut out = String::new();
        Json::new(&host()).log(&mut out, 5, &fields);
        prop_assert!(serde_json::from_str::<Value>(&out).is_ok(), "{}", out);
        prop_assert!(!out.contains('\n'));
    }
}
