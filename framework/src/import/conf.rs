//! `gala-gopher.conf` of the original: each of its keys becomes one of ours, or a note that says why not.

use std::path::Path;

use super::source::{Found, Source};
use super::{Error, Note, quoted};
use crate::config::Config;

mod channels;

/// Every key of the original, by group.
const KNOWN: [(&str, &[&str]); 9] = [
    ("global", &["log_file_name", "log_level", "rest_api_on"]),
    ("kafka", channels::KAFKA),
    ("metric", &["out_channel", "kafka_topic"]),
    ("imdb", &["max_tables_num", "max_records_num", "max_metrics_num", "record_timeout"]),
    ("web_server", LISTENER),
    ("rest_api_server", LISTENER),
    ("logs", channels::LOGS),
    ("event", &["out_channel", "kafka_topic", "timeout"]),
    ("meta", &["out_channel", "kafka_topic"]),
];

const LISTENER: &[&str] = &["bind_addr", "port", "ssl_auth", "private_key", "cert_file", "ca_file"];

/// Records of a table in the file that the original ships.
const SHIPPED_RECORDS: i64 = 1024;

/// The groups of such a file, to know it by.
pub(super) fn is_group(name: &str) -> bool {
    KNOWN.iter().any(|(group, _)| *group == name)
}

/// Sets what the file says in a configuration.
///
/// # Errors
/// A file that is no libconfig.
pub(super) fn import(text: &str, file: &Path, config: Config) -> Result<(Config, Vec<Note>), Error> {
    let mut source = Source::parse(text, file, config)?;
    unknown(&mut source);
    global(&mut source);
    store(&mut source);
    listener(&mut source, "web_server", "export.prometheus", 8888);
    channels::import(&mut source);
    exposition(&mut source);
    Ok((source.config, source.notes))
}

fn unknown(source: &mut Source<'_>) {
    for (group, name, line) in source.all() {
        let known = KNOWN.iter().find(|(known, _)| *known == group).map(|(_, keys)| *keys);
        if !known.is_some_and(|keys| keys.contains(&name.as_str())) {
            let path = if group.is_empty() { name } else { format!("{group}.{name}") };
            source.note(line, format!("{path} is no key of the original, which ignored it; it is left out"));
        }
    }
}

fn global(source: &mut Source<'_>) {
    if let Some((name, line)) = source.text("global", "log_file_name") {
        source.note(
            line,
            format!("global.log_file_name: the log goes to stderr, so to the journal, and not to {name}"),
        );
    }
    if let Some((level, line)) = source.text("global", "log_level") {
        let known = ["debug", "info", "warn", "error"].contains(&level.as_str());
        if !known {
            source.note(
                line,
                format!("global.log_level {level:?} meant debug without a word; it is debug now"),
            );
        }
        source.set(line, &[("agent", "log_level", quoted(if known { &level } else { "debug" }))]);
    }
    match source.truth("global", "rest_api_on") {
        Some((true, _)) => listener(source, "rest_api_server", "control", 9999),
        found => {
            let line = found.map_or(0, |(_, line)| line);
            if source.set(line, &[("control", "listen", quoted(""))]) {
                source.note(
                    line,
                    "global.rest_api_on is not true: REST is off; gopher-ctl works by its socket",
                );
            }
        }
    }
}

fn store(source: &mut Source<'_>) {
    for name in ["max_tables_num", "max_metrics_num"] {
        if let Some((_, line)) = source.number("imdb", name) {
            source.note(
                line,
                format!("imdb.{name}: there is no such bound; series are bounded, not tables or fields"),
            );
        }
    }
    match source.number("imdb", "max_records_num") {
        Some((SHIPPED_RECORDS, line)) => source.note(
            line,
            "imdb.max_records_num: 1024 is the value that the original ships; ours, store.series_per_table = 200000, holds",
        ),
        Some((number, line)) => {
            source.set(line, &[("store", "series_per_table", number.to_string())]);
        }
        None => {}
    }
    if let Some((seconds, line)) = source.number("imdb", "record_timeout") {
        if seconds < 1 {
            source.note(line, format!("imdb.record_timeout {seconds} meant 60; it is 60s now"));
        }
        let seconds = if seconds < 1 { 60 } else { seconds };
        source.set(line, &[("store", "record_timeout", quoted(&format!("{seconds}s")))]);
    }
}

/// Address, port and TLS of a listener.
fn listener(source: &mut Source<'_>, group: &str, section: &str, port: u16) {
    if !source.has(group) {
        return;
    }
    let address = source.text(group, "bind_addr");
    let number = source.number(group, "port");
    let line = address.as_ref().map(|(_, line)| *line).or(number.map(|(_, line)| line)).unwrap_or_default();
    // Without an address the one that holds already does: loopback, or in a container image all.
    let before = match section {
        "control" => source.config.control.listen,
        _ => source.config.prometheus.listen,
    };
    let before = before.map_or_else(|| "127.0.0.1".to_owned(), |before| before.ip().to_string());
    let address = address.map_or(before, |(address, _)| address);
    let number = number.map_or(i64::from(port), |(number, _)| number);
    let listen =
        if address.contains(':') { format!("[{address}]:{number}") } else { format!("{address}:{number}") };
    let mut keys = vec![(section, "listen", quoted(&listen))];
    let files = tls(source, group);
    for (name, (path, _)) in ["tls_key_file", "tls_cert_file", "tls_client_ca_file"].into_iter().zip(&files) {
        keys.push((section, name, quoted(path)));
    }
    let open = listen.parse().is_ok_and(|address: std::net::SocketAddr| !address.ip().is_loopback());
    if open && files.is_empty() && section == "export.prometheus" {
        keys.push((section, "plaintext", "true".to_owned()));
        source.note(
            line,
            format!("{group}: others reach {listen} without TLS, as before; plaintext = true says so"),
        );
    }
    source.set(line, &keys);
}

/// Key, certificate and authority, where the listener speaks TLS.
fn tls(source: &mut Source<'_>, group: &str) -> Vec<(String, usize)> {
    let wanted = source.text(group, "ssl_auth");
    let on = wanted.as_ref().is_some_and(|(text, _)| text == "on");
    let files = ["private_key", "cert_file", "ca_file"].map(|name| (name, given(source.text(group, name))));
    if on {
        let line = wanted.map_or(0, |(_, line)| line);
        source.note(
            line,
            format!("{group}.ssl_auth: TLS 1.2 is spoken besides 1.3; changed certificates hold at once"),
        );
        return files.into_iter().filter_map(|(_, found)| found).collect();
    }
    for (name, found) in files {
        if let Some((_, line)) = found {
            source.note(
                line,
                format!("{group}.{name} meant nothing without ssl_auth = \"on\"; it is left out"),
            );
        }
    }
    Vec::new()
}

/// A text that is not empty.
fn given(found: Found<String>) -> Found<String> {
    found.filter(|(text, _)| !text.is_empty())
}

/// Dashboards are made for the names and values of the original.
fn exposition(source: &mut Source<'_>) {
    if source.set(0, &[("export.prometheus", "exposition", quoted("upstream"))]) {
        source.note(
            0,
            "export.prometheus.exposition = \"upstream\" keeps metric names and values as dashboards know them; \
             \"modern\" has _total for counters, sums that never fall, and no time stamps",
        );
    }
}

#[cfg(test)]
mod tests;
