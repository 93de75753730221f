//! One event or log record of a probe as the protocol has it.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::Value as Json;

use crate::export::event::{EventNames, KIND};
use crate::export::otlp::value::{attribute, of_json, pair, text};
use crate::store::EventRecord;

/// Times from here on are nanoseconds; in milliseconds it is 3 million years ahead.
const NANOS: u64 = 100_000_000_000_000_000;

/// An event, accepted at `time` in milliseconds since 1970 on the machine with this id of the original.
pub(super) fn of_event(machine: &str, event: &EventRecord, time: u64) -> LogRecord {
    let [entity, id, _, pid, comm, ip, container, pod, device] = &event.about;
    let EventNames { event_id, entity_id, metric } = EventNames::new(machine, event, time);
    let mut attributes = vec![
        attribute("event_id", &event_id),
        attribute("entity_id", &entity_id),
        attribute("event_type", KIND),
        attribute("gala_gopher.probe", &event.folder),
        attribute("gala_gopher.entity", entity),
        attribute("gala_gopher.entity_id", id),
        attribute("gala_gopher.metric", &metric),
    ];
    // The conventions have numbers for processes.
    let pid_value =
        pid.parse().map_or_else(|_| text(pid), |pid| AnyValue { value: Some(Value::IntValue(pid)) });
    let others = [
        ("process.pid", pid, pid_value),
        ("process.executable.name", comm, text(comm)),
        ("gala_gopher.ip", ip, text(ip)),
        ("container.id", container, text(container)),
        ("k8s.pod.uid", pod, text(pod)),
        ("system.device", device, text(device)),
    ];
    attributes.extend(
        others.into_iter().filter(|(_, text, _)| !text.is_empty()).map(|(key, _, value)| pair(key, value)),
    );
    LogRecord {
        severity_text: event.severity_text.to_string(),
        severity_number: event.severity_number.into(),
        body: Some(text(&event.body)),
        event_name: metric,
        attributes,
        ..at(time, time)
    }
}

/// A log record, accepted at `time`, and its resource where it has one: what the probe says of it, and what it does not
/// say of the agent's.
pub(super) fn of_log(
    agent: &Resource,
    folder: &str,
    fields: &[Box<str>],
    time: u64,
) -> (Option<Resource>, LogRecord) {
    let field = |index: usize| fields.get(index).map_or("", AsRef::as_ref);
    let said = named(field(3), "resource");
    let resource = (!said.is_empty()).then(|| {
        let new = |pair: &&KeyValue| said.iter().all(|said| said.key != pair.key);
        let attributes = agent.attributes.iter().filter(new).chain(&said).cloned().collect();
        Resource { attributes, ..Resource::default() }
    });
    let mut attributes = named(field(4), "attributes");
    attributes.retain(|pair| pair.key != "gala_gopher.probe");
    attributes.push(attribute("gala_gopher.probe", folder));
    let number = field(2).trim().parse().ok().filter(|number| (1..=24).contains(number));
    let log = LogRecord {
        severity_text: plain(field(1)),
        severity_number: number.unwrap_or(0),
        body: Some(json(field(5)).as_ref().map_or_else(|| text(field(5)), of_json)),
        attributes,
        ..at(plain(field(0)).parse().unwrap_or(time), time)
    };
    (resource, log)
}

/// A record that happened and was accepted at these times; the first in milliseconds or nanoseconds.
fn at(happened: u64, accepted: u64) -> LogRecord {
    let nanos = |time: u64| if time >= NANOS { time } else { time.saturating_mul(1_000_000) };
    LogRecord {
        time_unix_nano: nanos(happened),
        observed_time_unix_nano: nanos(accepted),
        ..LogRecord::default()
    }
}

fn json(field: &str) -> Option<Json> {
    serde_json::from_str(field).ok()
}

/// A text that may stand in quotes.
fn plain(field: &str) -> String {
    match json(field) {
        Some(Json::String(text)) => text,
        _ => field.trim().to_owned(),
    }
}

/// The pairs of an object; what is none gets this name.
fn named(field: &str, name: &str) -> Vec<KeyValue> {
    match json(field) {
        Some(Json::Object(pairs)) => pairs.iter().map(|(key, value)| pair(key, of_json(value))).collect(),
        _ if field.trim().is_empty() => Vec::new(),
        other => vec![pair(name, other.as_ref().map_or_else(|| text(field), of_json))],
    }
}
