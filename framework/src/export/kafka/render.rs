//! Records as messages: a key that keeps what belongs together in one partition, and the JSON that consumers know.

use std::sync::Arc;

use memchr::memchr2;

use super::message::{Message, Topic};
use crate::enrich::Host;
use crate::export::json::Json;
use crate::store::{Body, Layout, Record};

/// Renders into buffers that are used again.
#[derive(Debug)]
pub(super) struct Renderer {
    host: Arc<Host>,
    json: Json,
    key: Vec<u8>,
    value: String,
}

impl Renderer {
    pub(super) fn new(host: Arc<Host>) -> Self {
        Self { json: Json::new(&host), host, key: Vec::new(), value: String::new() }
    }

    /// The message for a record. Rows of a series, and events about one thing, have one key.
    pub(super) fn record(&mut self, record: &Record) -> Message<'_> {
        self.clear();
        let topic = match &record.body {
            Body::Row { layout, labels, .. } => {
                part(&mut self.key, &layout.table.name);
                labels.own().take(layout.keys.len()).for_each(|value| part(&mut self.key, value));
                Topic::Metric
            }
            Body::Event(event) => {
                event.about.iter().take(2).for_each(|text| part(&mut self.key, text));
                Topic::Event
            }
            Body::Log(folder, _) => {
                part(&mut self.key, folder);
                Topic::Event
            }
        };
        self.json.record(&mut self.value, record);
        self.message(topic, record.time)
    }

    /// The message that tells what a table holds.
    pub(super) fn table(&mut self, time: u64, layout: &Layout) -> Message<'_> {
        self.clear();
        part(&mut self.key, &layout.table.name);
        self.json.table(&mut self.value, time, layout);
        self.message(Topic::Metadata, time)
    }

    fn clear(&mut self) {
        self.value.clear();
        self.key.clear();
        self.key.extend_from_slice(self.host.machine_id.as_bytes());
    }

    fn message(&self, topic: Topic, time: u64) -> Message<'_> {
        Message { topic, time, key: &self.key, value: self.value.as_bytes() }
    }
}

/// Appends a part of a key; bars within are escaped as in lines, so that other parts never give the same key.
fn part(key: &mut Vec<u8>, text: &str) {
    key.push(b'|');
    let mut rest = text.as_bytes();
    while let Some(at) = memchr2(b'|', b'\\', rest) {
        key.extend_from_slice(&rest[..at]);
        key.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    key.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parts_never_give_the_same_key() {
        let key = |parts: &[&str]| {
            let mut key = Vec::new();
            parts.iter().for_each(|text| part(&mut key, text));
            String::from_utf8(key).unwrap()
        };
        assert_eq!(key(&["a|b", "c"]), "|a\\|b|c");
        assert_eq!(key(&["a", "b|c"]), "|a|b\\|c");
        assert_eq!(key(&["a\\", "b"]), "|a\\\\|b");
    }
}
