//! Rows, events, logs and tables in the JSON shapes of the original agent, for Kafka and for log files.
//!
//! Invariant: one object without a line break per call, valid whatever the probe sent.

mod log;
mod table;
mod text;

use std::net::Ipv4Addr;

use self::text::{quote, quoted, show};
use super::event::{EventNames, KIND, body};
use crate::enrich::Host;
use crate::store::{Body, EventRecord, Labels, Layout, Record};

/// What the object of a row holds beside fields and labels; a field or label of such a name is left out.
const HEAD: [&str; 4] = ["timestamp", "machine_id", "entity_name", "table_name"];

/// Writes objects about one machine.
#[derive(Debug)]
pub struct Json {
    /// The machine's id as the original has it, `<uuid>-<address>`.
    machine: Box<str>,
    /// The same in quotes.
    machine_quoted: Box<str>,
    /// What the resource of a log says of the host: names and values in quotes.
    resource: [(&'static str, Box<str>); 3],
}

impl Json {
    /// For this machine.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let is_address = |text: &str| text.parse::<Ipv4Addr>().is_ok();
        let parts = host.upstream_id.rsplit_once('-').filter(|(_, address)| is_address(address));
        let (uuid, address) = parts.unwrap_or((&host.upstream_id, ""));
        Self {
            machine: host.upstream_id.as_str().into(),
            machine_quoted: quoted(&host.upstream_id),
            resource: [("host.id", uuid), ("host.name", &host.hostname), ("host.ip", address)]
                .map(|(name, value)| (name, quoted(value))),
        }
    }

    /// Appends the object of a record.
    pub fn record(&self, out: &mut String, record: &Record) {
        match &record.body {
            Body::Row { layout, labels, values } => self.row(out, record.time, layout, (labels, values)),
            Body::Event(event) => self.event(out, record.time, event),
            Body::Log(_, fields) => self.log(out, record.time, fields),
        }
    }

    /// A row: all fields as texts in the order of the table, `"(null)"` for what is absent, then the labels that were
    /// added to the row.
    fn row(&self, out: &mut String, time: u64, layout: &Layout, (labels, values): (&Labels, &[Box<str>])) {
        let table = &layout.table;
        show(out, format_args!("{{\"timestamp\": {time}, \"machine_id\": {}", self.machine_quoted));
        pair(out, "entity_name", &table.entity);
        pair(out, "table_name", &table.name);
        let is_plain =
            layout.keys.iter().chain(&layout.labels).copied().enumerate().all(|(at, key)| at == key);
        if is_plain {
            // Keys, labels and values follow each other, as in nearly every table.
            let texts = labels.own().chain(values.iter().map(|value| &**value));
            table.fields.iter().zip(texts).for_each(|(field, text)| of_field(out, &field.name, text));
        } else {
            let own: Vec<_> = labels.own().collect();
            for (index, field) in table.fields.iter().enumerate() {
                let label = layout.keys.iter().chain(&layout.labels).position(|other| *other == index);
                let value = || layout.values.iter().position(|other| *other == index);
                let text = match label {
                    Some(at) => own.get(at).copied(),
                    None => value().and_then(|at| values.get(at)).map(|value| &**value),
                };
                of_field(out, &field.name, text.unwrap_or(""));
            }
        }
        labels.each_added(layout, |name, text| {
            if !HEAD.contains(&name) && table.field(name).is_none() {
                pair(out, name, text);
            }
        });
        out.push('}');
    }

    fn event(&self, out: &mut String, time: u64, event: &EventRecord) {
        let [_, _, _, pid, comm, ip, container, pod, device] = &event.about;
        let names = EventNames::new(&self.machine, event, time);
        let (event_id, entity_id) = (quoted(&names.event_id), quoted(&names.entity_id));
        show(out, format_args!("{{\"Timestamp\":{time},\"event_id\":{event_id},\"Attributes\":{{"));
        let kind = quoted(KIND);
        show(out, format_args!("\"entity_id\":{entity_id},\"event_id\":{event_id},\"event_type\":{kind}}},"));
        let metric = quoted(&names.metric);
        show(out, format_args!("\"Resource\":{{\"metric\":{metric},\"labels\":{{\"Host\":"));
        out.push_str(&self.machine_quoted);
        let labels = [("PID", pid), ("COMM", comm), ("IP", ip), ("ContainerID", container), ("POD", pod)];
        for (name, text) in labels.into_iter().chain([("Device", device)]) {
            show(out, format_args!(",\"{name}\":"));
            quote(out, text);
        }
        out.push_str("}},\"SeverityText\":");
        quote(out, &event.severity_text);
        show(out, format_args!(",\"SeverityNumber\":{},\"Body\":", event.severity_number));
        quote(out, &body(event, time));
        out.push('}');
    }
}

/// A field of a table; one that would take the place of what each object has is left out.
fn of_field(out: &mut String, name: &str, text: &str) {
    if !HEAD.contains(&name) {
        pair(out, name, if text.is_empty() { "(null)" } else { text });
    }
}

fn pair(out: &mut String, name: &str, text: &str) {
    out.push_str(", ");
    quote(out, name);
    out.push_str(": ");
    quote(out, text);
}

#[cfg(test)]
mod tests;
