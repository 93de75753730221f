//! Rows, events, log lines and tables arrive as the JSON that consumers of the original read.

use std::fs;

use gala_gopher::enrich::Host;
use gopher_tests::agent::{Agent, Home};
use gopher_tests::kafka::Kafka;
use serde_json::{Value, json};

use crate::messages::{parse, section, until_counts};

/// A table with every kind of field.
const MANIFEST: &str = r#"protocol = 1
name = "kinds"
exec = ["fake_probe", "--line", LINES]

[[probe]]
name = "kinds"
summary = "Has a field of every kind."
autostart = true

[[table]]
name = "kinds"
entity = "kind"
fields = [
  { name = "id", type = "key", help = "Number." },
  { name = "zone", type = "label", help = "Where." },
  { name = "size", type = "gauge", help = "Size." },
  { name = "seen", type = "counter", help = "Seen." },
  { name = "lost", type = "delta", help = "Lost." },
  { name = "delay", type = "histogram", help = "Delay." },
]
"#;

/// Rows, one with hostile text and one with fields left out; an event with a quote; a log line.
const LINES: &str = concat!(
    "|kinds|a|north|1.5|10|3|2 0.5 1 2.5 3 9 4|\n",
    "|kinds|a|north|2.5|11|4||\n",
    "|kinds|q\"\\\\\\|}|x=y\\n||7|||\n",
    "|event|kind|sda/1|size|7|fan|10.0.0.1|||sda|WARN|13|too \"hot\"|\n",
    "|log|1700000000000|\"ERROR\"|17|{\"service.name\": \"shop\"}|{\"k\": 1}|\"it fails\"|",
);

/// This machine as messages name it.
struct Machine {
    /// In keys.
    id: String,
    /// In values.
    original: String,
    name: String,
}

impl Machine {
    fn here(home: &Home) -> Self {
        let host = Host::read("/".as_ref(), &home.path().join("state")).unwrap();
        Self { id: host.machine_id, original: host.upstream_id, name: host.hostname }
    }
}

/// The messages of a topic, by key and in order; of their times it is only known that they are now.
fn read(broker: &Kafka, topic: &str, count: usize) -> Vec<(String, Value)> {
    let mut read: Vec<_> = broker.read(topic, count, 20_000).iter().map(|line| parse(line)).collect();
    assert_eq!(read.len(), count, "{topic}: {read:#?}");
    read.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (_, value) in &mut read {
        if let Some(time) = value.get_mut("timestamp") {
            assert!(time.as_u64().unwrap() > 1_700_000_000_000, "{time}");
            *time = json!("now");
        }
    }
    read
}

#[test]
fn messages_have_the_shapes_of_the_original() {
    let broker = Kafka::start();
    let home = Home::new();
    home.extend("kinds", &MANIFEST.replace("LINES", &format!("{LINES:?}")));
    home.configure(&section(&broker.plain(), ""));
    let text = fs::read_to_string(home.config()).unwrap();
    home.write(&text.replace("[agent]\n", "[agent]\nlabels = { site = \"north\" }\n"));
    let machine = Machine::here(&home);
    let agent = Agent::start(home);
    until_counts(&agent, "all messages", |counts| counts.sent == 6);
    assert_eq!(read(&broker, "gala_gopher", 3), rows(&machine));
    assert_eq!(read(&broker, "gala_gopher_metadata", 1), tables(&machine));
    let events = read(&broker, "gala_gopher_event", 2);
    let (key, log) = &events[0];
    assert_eq!(*key, format!("{}|kinds", machine.id));
    assert_eq!(*log, the_log(&machine));
    let (key, event) = &events[1];
    assert_eq!(*key, format!("{}|kind|sda/1", machine.id));
    assert_eq!(*event, the_event(event, &machine));
}

fn rows(machine: &Machine) -> Vec<(String, Value)> {
    let row = |key: &str, fields: [&str; 6]| {
        let [id, zone, size, seen, lost, delay] = fields;
        let value = json!({
            "timestamp": "now", "machine_id": machine.original, "entity_name": "kind", "table_name": "kinds",
            "id": id, "zone": zone, "size": size, "seen": seen, "lost": lost, "delay": delay,
            "hostname": machine.name, "site": "north",
        });
        (format!("{}|kinds|{key}", machine.id), value)
    };
    vec![
        row("a", ["a", "north", "1.5", "10", "3", "2 0.5 1 2.5 3 9 4"]),
        row("a", ["a", "north", "2.5", "11", "4", "(null)"]),
        row("q\"\\\\\\|}", ["q\"\\|}", "x=y\n", "(null)", "7", "(null)", "(null)"]),
    ]
}

fn tables(machine: &Machine) -> Vec<(String, Value)> {
    let value = json!({
        "timestamp": "now", "meta_name": "kinds", "entity_name": "kind", "version": "1.0.0",
        "keys": ["machine_id", "id"], "labels": ["zone", "hostname", "site"],
        "metrics": ["size", "seen", "lost", "delay"],
    });
    vec![(format!("{}|kinds", machine.id), value)]
}

/// The event as it has to be, with the time of the one that came.
fn the_event(came: &Value, machine: &Machine) -> Value {
    let entity = format!("{}_kind_sda:1", machine.original);
    let id = format!("{}_{entity}", came["Timestamp"]);
    let body = came["Body"].as_str().unwrap();
    // The date before it is the machine's.
    assert_eq!(&body[24..], " WARN Entity(sda/1) too \"hot\"");
    json!({
        "Timestamp": came["Timestamp"], "event_id": id,
        "Attributes": {"entity_id": entity, "event_id": id, "event_type": "sys"},
        "Resource": {"metric": "gala_gopher_kind_size", "labels": {
            "Host": machine.original, "PID": "7", "COMM": "fan", "IP": "10.0.0.1", "ContainerID": "", "POD": "",
            "Device": "sda",
        }},
        "SeverityText": "WARN", "SeverityNumber": 13, "Body": body,
    })
}

/// The log line as it has to be, with what the host adds to its resource.
fn the_log(machine: &Machine) -> Value {
    let (uuid, address) = machine.original.rsplit_once('-').unwrap();
    json!({
        "Timestamp": 1_700_000_000_000_u64, "SeverityText": "ERROR", "SeverityNumber": 17,
        "Resource": {"service.name": "shop", "host.id": uuid, "host.name": machine.name, "host.ip": address},
        "Attributes": {"k": 1}, "Body": "it fails",
    })
}
