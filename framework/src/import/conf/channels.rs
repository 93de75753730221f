//! Where metrics, events and metadata went: channels of the original, exporters of ours.

use std::path::Path;

use super::given;
use crate::import::quoted;
use crate::import::source::Source;

/// Keys of the group `kafka`, each with the value that the original ships.
const NUMBERS: [(&str, i64); 4] = [
    ("batch_num_messages", 10_000),
    ("queue_buffering_max_messages", 100_000),
    ("queue_buffering_max_kbytes", 1_048_576),
    ("queue_buffering_max_ms", 5),
];

/// Keys of the group `kafka`.
pub(super) const KAFKA: &[&str] = &[
    "kafka_broker",
    "batch_num_messages",
    "compression_codec",
    "queue_buffering_max_messages",
    "queue_buffering_max_kbytes",
    "queue_buffering_max_ms",
];

/// Keys of the group `logs`.
pub(super) const LOGS: &[&str] = &["metric_total_size", "metric_dir", "event_dir", "meta_dir", "debug_dir"];

const SECTION: &str = "export.kafka";
const FILES: &str = "export.logs";

/// Where something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Nowhere,
    Scraped,
    Logs,
    Kafka,
}

/// Sets exporters, and notes what has none.
pub(super) fn import(source: &mut Source<'_>) {
    let metric = channel(source, "metric", &["web_server", "json", "logs", "kafka"]);
    let event = channel(source, "event", &["logs", "kafka"]);
    let meta = channel(source, "meta", &["logs", "kafka"]);
    if metric.0 != Channel::Scraped && source.has("metric") {
        source.set(metric.1, &[("export.prometheus", "enabled", "false".to_owned())]);
        source.note(
            metric.1,
            "metric.out_channel is not web_server: nothing is scraped, and [export.prometheus] is off",
        );
    }
    if source.text("metric", "out_channel").is_some_and(|(name, _)| name == "logs") {
        source.note(
            metric.1,
            "metric.out_channel logs: files had Prometheus text and have JSON lines now, one for each row",
        );
    }
    let channels = [("metric", metric), ("event", event), ("meta", meta)];
    kafka(source, &channels);
    logs(source, &channels);
    window(source);
}

/// The longest window of `[events] dedup`, in seconds.
const LONGEST_WINDOW: i64 = 86_400;

/// For how long an event that is raised again is left out.
fn window(source: &mut Source<'_>) {
    let Some((seconds, line)) = source.number("event", "timeout") else { return };
    let held = if seconds < 0 { LONGEST_WINDOW } else { seconds.min(LONGEST_WINDOW) };
    if !source.set(line, &[("events", "dedup", quoted(&format!("{held}s")))]) {
        return;
    }
    if held != seconds {
        source.note(
            line,
            format!("event.timeout {seconds}: the longest window is {LONGEST_WINDOW}s, which holds now"),
        );
    }
    source.note(
        line,
        "event.timeout: events of all probes are left out so long when they repeat, each metric by itself; the original \
         heeded it for some of its probes, and let one metric of a thing hide all others",
    );
}

/// The channel of a group with the line that says it.
fn channel(source: &mut Source<'_>, group: &str, known: &[&str]) -> (Channel, usize) {
    let Some((name, line)) = source.text(group, "out_channel") else { return (Channel::Nowhere, 0) };
    let channel = match name.as_str() {
        name if !known.contains(&name) => {
            if !name.is_empty() {
                let text =
                    format!("{group}.out_channel {name:?} meant no output without a word; there is none");
                source.note(line, text);
            }
            Channel::Nowhere
        }
        "web_server" => Channel::Scraped,
        "kafka" => Channel::Kafka,
        _ => Channel::Logs,
    };
    (channel, line)
}

/// Broker, topics and bounds, where something went there; else they are as without effect as they were.
fn kafka(source: &mut Source<'_>, channels: &[(&str, (Channel, usize))]) {
    let used: Vec<_> = channels.iter().filter(|(_, (channel, _))| *channel == Channel::Kafka).collect();
    let broker = given(source.text("kafka", "kafka_broker"));
    let Some((_, (_, line))) = used.first() else {
        if let Some((broker, line)) = broker {
            source.note(line, format!("kafka.kafka_broker {broker:?} is left out: no channel is kafka"));
        }
        return;
    };
    let Some((broker, _)) = broker else {
        source.note(*line, "a channel is kafka and kafka.kafka_broker is empty: nothing is sent");
        return;
    };
    let brokers: Vec<_> = broker.split(',').map(|broker| quoted(broker.trim())).collect();
    let enabled = (SECTION, "enabled", "true".to_owned());
    if !source.set(*line, &[enabled, (SECTION, "brokers", format!("[{}]", brokers.join(", ")))]) {
        return;
    }
    for (group, (_, line)) in channels.iter().filter(|(_, (channel, _))| *channel != Channel::Kafka) {
        source
            .note(*line, format!("[export.kafka] sends {group} data to its topic too; the original did not"));
    }
    topics(source);
    kafka_bounds(source);
}

fn topics(source: &mut Source<'_>) {
    let names = [("metric", "metric"), ("event", "event"), ("meta", "metadata")];
    let mut found = Vec::new();
    let mut first = 0;
    for (group, topic) in names {
        if let Some((name, line)) = given(source.text(group, "kafka_topic")) {
            first = if first == 0 { line } else { first };
            found.push(format!("{topic} = {}", quoted(&name)));
        }
    }
    if !found.is_empty() {
        source.set(first, &[(SECTION, "topics", format!("{{ {} }}", found.join(", ")))]);
    }
}

fn kafka_bounds(source: &mut Source<'_>) {
    if let Some((codec, line)) = given(source.text("kafka", "compression_codec")) {
        source.set(line, &[(SECTION, "compression", quoted(&codec))]);
    }
    for (name, shipped) in NUMBERS {
        let Some((number, line)) = source.number("kafka", name) else { continue };
        if number == shipped {
            source.note(
                line,
                format!("kafka.{name}: {number} is the value that the original ships; ours holds"),
            );
            continue;
        }
        let (key, value) = match name {
            "queue_buffering_max_messages" => ("queue", number.to_string()),
            "queue_buffering_max_kbytes" => ("buffer", quoted(&format!("{number}KiB"))),
            "queue_buffering_max_ms" => ("linger", quoted(&format!("{number}ms"))),
            _ => {
                source.note(
                    line,
                    format!("kafka.{name}: batches are bounded by bytes (batch) and time (linger)"),
                );
                continue;
            }
        };
        source.set(line, &[(SECTION, key, value)]);
    }
}

/// Files of JSON lines for what went to files.
fn logs(source: &mut Source<'_>, channels: &[(&str, (Channel, usize))]) {
    if let Some(line) = source.line("logs", "debug_dir") {
        source.note(line, "logs.debug_dir is left out: the log goes to stderr, so to the journal");
    }
    let on = |wanted: &str| {
        channels.iter().any(|(group, (channel, _))| *group == wanted && *channel == Channel::Logs)
    };
    let first = channels.iter().find(|(_, (channel, _))| *channel == Channel::Logs);
    let Some((_, (_, line))) = first else {
        for name in LOGS.iter().filter(|name| **name != "debug_dir") {
            if let Some(line) = source.line("logs", name) {
                source.note(line, format!("logs.{name} is left out: no channel is logs"));
            }
        }
        return;
    };
    let keys = [("metrics", "metric"), ("events", "event"), ("metadata", "meta")];
    let mut set = vec![(FILES, "enabled", "true".to_owned())];
    set.extend(keys.map(|(key, group)| (FILES, key, on(group).to_string())));
    source.set(*line, &set);
    directory(source, &keys.map(|(_, group)| (group, on(group))));
    size(source, on("metric"));
}

/// One directory in place of three: the one that all those in use are in, else the first of them.
fn directory(source: &mut Source<'_>, groups: &[(&str, bool)]) {
    let used: Vec<_> = groups
        .iter()
        .filter(|(_, on)| *on)
        .filter_map(|(group, _)| given(source.text("logs", &format!("{group}_dir"))))
        .collect();
    let Some((first, line)) = used.first() else { return };
    let parent = |path: &str| Path::new(path).parent().map(|parent| parent.display().to_string());
    let shared = parent(first).filter(|all| used.iter().all(|(dir, _)| parent(dir).as_ref() == Some(all)));
    let directory = shared.unwrap_or_else(|| first.clone());
    if source.set(*line, &[(FILES, "directory", quoted(&directory))]) {
        source.note(
            *line,
            format!(
                "logs.*_dir: metrics.jsonl, events.jsonl and metadata.jsonl are all in {directory}; nothing is \
                 removed from it"
            ),
        );
    }
}

/// The bound of all files with metrics, as one for each file.
fn size(source: &mut Source<'_>, metrics: bool) {
    let Some((total, line)) = source.number("logs", "metric_total_size") else { return };
    if !metrics {
        source.note(line, "logs.metric_total_size is left out: metrics do not go to files");
        return;
    }
    let files = i64::from(source.config.logs.files);
    let each = total.saturating_mul(1024) / files;
    if source.set(line, &[(FILES, "file_size", quoted(&format!("{each}KiB")))]) {
        source.note(
            line,
            format!(
                "logs.metric_total_size: {files} files of {each} KiB of each kind, events and metadata too"
            ),
        );
    }
}
