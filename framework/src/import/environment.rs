//! Variables that the original's container image understands: each becomes a key of ours, over what files say.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::init::{self, Settle};
use super::{Error, Note, quoted};
use crate::config::{self, Config};

/// Every variable; the last is read by the agent itself.
pub(super) const KNOWN: [&str; 16] = [
    "GOPHER_LOG_LEVEL",
    "GOPHER_EVENT_CHANNEL",
    "GOPHER_META_CHANNEL",
    "GOPHER_KAKFA_SERVER",
    "GOPHER_KAFKA_SERVER",
    "GOPHER_METRIC_ADDR",
    "GOPHER_METRIC_PORT",
    "GOPHER_REST_ADDR",
    "GOPHER_REST_PORT",
    "GOPHER_REST_AUTH",
    "GOPHER_REST_PRIVATE_KEY",
    "GOPHER_REST_CERT",
    "GOPHER_REST_CAFILE",
    "GOPHER_METRIC_LOGS_TOTAL_SIZE",
    "GOPHER_PROBES_INIT",
    "GOPHER_HOST_PATH",
];

/// The keys that turn TLS on for requests, by variable.
const TLS: [(&str, &str); 3] = [
    ("GOPHER_REST_PRIVATE_KEY", "tls_key_file"),
    ("GOPHER_REST_CERT", "tls_cert_file"),
    ("GOPHER_REST_CAFILE", "tls_client_ca_file"),
];

/// The port that the original adds to a broker without one.
const BROKER_PORT: u16 = 9092;

/// The variables of a container, the empty ones left out: those say nothing.
#[derive(Clone, Debug, Default)]
pub struct Variables(Vec<(String, String)>);

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        let ours = |(name, value): &(String, String)| name.starts_with("GOPHER_") && !value.trim().is_empty();
        Self(all.into_iter().filter(ours).map(|(name, value)| (name, value.trim().to_owned())).collect())
    }
}

impl Variables {
    /// True where none changes the configuration.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set().next().is_none()
    }

    /// The names of those that change the configuration.
    pub fn set(&self) -> impl Iterator<Item = &str> {
        let names = self.0.iter().map(|(name, _)| name.as_str());
        names.filter(|name| KNOWN.contains(name) && *name != "GOPHER_HOST_PATH")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// What comes of variables.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The configuration with them.
    pub(super) config: Config,
    /// What the operator should know.
    pub(super) notes: Vec<Note>,
    /// Variables whose values are refused.
    pub(super) refused: Vec<Error>,
}

/// Sets what the variables say in a configuration.
pub(super) fn import(variables: &Variables, settle: Settle<'_>, config: Config) -> Outcome {
    let mut reader = Reader { variables, outcome: Outcome { config, ..Outcome::default() } };
    reader.unknown();
    reader.log_level();
    reader.metrics();
    reader.requests();
    reader.channels();
    reader.files();
    reader.probes(settle);
    reader.outcome
}

struct Reader<'v> {
    variables: &'v Variables,
    outcome: Outcome,
}

impl Reader<'_> {
    fn note(&mut self, variable: &str, text: impl Into<String>) {
        self.outcome.notes.push(Note { file: variable.into(), line: 0, text: text.into() });
    }

    fn refuse(&mut self, variable: &str, text: impl Into<String>) {
        self.outcome.refused.push(Error::new(variable.as_ref(), 0, text));
    }

    /// Sets keys of a section, which come from these variables.
    fn set(&mut self, variables: &str, section: &str, keys: &[(&str, String)]) {
        let keys: String = keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let text = format!("[{section}]\n{keys}");
        match config::parse(&text, variables.as_ref(), self.outcome.config.clone()) {
            Ok(loaded) => self.outcome.config = loaded.config,
            Err(problems) => {
                for problem in problems.0 {
                    self.refuse(variables, format!("{}: {}", problem.key, problem.message));
                }
            }
        }
    }

    fn unknown(&mut self) {
        let names = self.variables.0.iter().map(|(name, _)| name.as_str());
        let unknown: BTreeSet<_> = names.filter(|name| !KNOWN.contains(name)).collect();
        for name in unknown {
            self.note(name, format!("no such variable; those that say something are {}", KNOWN.join(", ")));
        }
    }

    fn log_level(&mut self) {
        if let Some(level) = self.variables.get("GOPHER_LOG_LEVEL") {
            self.set("GOPHER_LOG_LEVEL", "agent", &[("log_level", quoted(level))]);
        }
    }

    /// The address that two variables say, each in place of a part of the one before.
    fn listen(&mut self, names: [&str; 2], before: SocketAddr) -> Option<SocketAddr> {
        let [address, port] = names.map(|name| self.variables.get(name));
        if address.is_none() && port.is_none() {
            return None;
        }
        let mut listen = before;
        match address.map(|text| (text, text.trim_matches(['[', ']']).parse::<IpAddr>())) {
            Some((_, Ok(address))) => listen.set_ip(address),
            Some((text, Err(_))) => {
                self.refuse(names[0], format!("found {text:?}, expected an IP address such as 0.0.0.0"));
            }
            None => {}
        }
        match port.map(|text| (text, text.parse::<u16>())) {
            Some((_, Ok(port @ 1..))) => listen.set_port(port),
            Some((text, _)) => {
                self.refuse(names[1], format!("found {text:?}, expected a port from 1 to 65535"));
            }
            None => {}
        }
        Some(listen)
    }

    fn metrics(&mut self) {
        let before = self.outcome.config.prometheus.listen;
        let before = before.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8888)));
        let Some(listen) = self.listen(["GOPHER_METRIC_ADDR", "GOPHER_METRIC_PORT"], before) else { return };
        let mut keys = vec![("enabled", "true".to_owned()), ("listen", quoted(&listen.to_string()))];
        if !listen.ip().is_loopback() {
            keys.push(("plaintext", "true".to_owned()));
        }
        self.set("GOPHER_METRIC_ADDR, GOPHER_METRIC_PORT", "export.prometheus", &keys);
    }

    fn requests(&mut self) {
        let before = self.outcome.config.control.listen;
        let before = before.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9999)));
        let listen = self.listen(["GOPHER_REST_ADDR", "GOPHER_REST_PORT"], before);
        let mut keys: Vec<_> =
            listen.into_iter().map(|listen| ("listen", quoted(&listen.to_string()))).collect();
        let files = TLS.map(|(name, key)| (name, key, self.variables.get(name).map(quoted)));
        match self.variables.get("GOPHER_REST_AUTH") {
            Some("yes") => {
                let lacking =
                    files.iter().take(2).filter(|(_, _, file)| file.is_none()).map(|(name, ..)| *name);
                let lacking: Vec<_> = lacking.collect();
                if !lacking.is_empty() {
                    self.refuse("GOPHER_REST_AUTH", format!("yes needs {} too", lacking.join(" and ")));
                    return;
                }
                keys.extend(files.into_iter().filter_map(|(_, key, file)| Some((key, file?))));
            }
            None | Some("no") => {
                for (name, ..) in files.iter().filter(|(.., file)| file.is_some()) {
                    self.note(name, "says nothing without GOPHER_REST_AUTH=yes");
                }
            }
            Some(text) => {
                self.refuse("GOPHER_REST_AUTH", format!("found {text:?}, expected \"yes\" or \"no\""));
            }
        }
        if !keys.is_empty() {
            let variables = match self.variables.get("GOPHER_REST_AUTH") {
                Some("yes") => "GOPHER_REST_ADDR, _PORT, _AUTH, _PRIVATE_KEY, _CERT, _CAFILE",
                _ => "GOPHER_REST_ADDR, GOPHER_REST_PORT",
            };
            self.set(variables, "control", &keys);
        }
    }

    /// Where events and descriptions of tables go. Exporters of ours that are on already stay so.
    fn channels(&mut self) {
        let names = [("GOPHER_EVENT_CHANNEL", "events"), ("GOPHER_META_CHANNEL", "metadata")];
        let chosen = names.map(|(name, key)| (name, key, self.variables.get(name)));
        for (name, _, channel) in chosen {
            if let Some(text) = channel.filter(|text| !["kafka", "logs"].contains(text)) {
                self.refuse(name, format!("found {text:?}, expected \"kafka\" or \"logs\""));
            }
        }
        let to = |wanted: &str| chosen.iter().filter(|(.., channel)| *channel == Some(wanted)).count();
        if to("logs") > 0 {
            // Files that are written already hold what they did besides.
            let before = self.outcome.config.logs.clone();
            let was = [before.enabled && before.events, before.enabled && before.metadata];
            let mut keys = vec![("enabled", "true".to_owned())];
            if !before.enabled {
                keys.push(("metrics", "false".to_owned()));
            }
            for ((_, key, channel), was) in chosen.into_iter().zip(was) {
                keys.push((key, (was || channel == Some("logs")).to_string()));
            }
            self.set("GOPHER_EVENT_CHANNEL, GOPHER_META_CHANNEL", "export.logs", &keys);
        }
        let server =
            ["GOPHER_KAKFA_SERVER", "GOPHER_KAFKA_SERVER"].into_iter().find_map(|n| self.variables.get(n));
        // Both went to Kafka where nothing else was said.
        let used = to("kafka") > 0 || (server.is_some() && to("logs") < 2);
        let mut keys = Vec::new();
        if used {
            keys.push(("enabled", "true".to_owned()));
        }
        if let Some(server) = server {
            let brokers: Vec<_> = server.split(',').map(|broker| quoted(&with_port(broker.trim()))).collect();
            keys.push(("brokers", format!("[{}]", brokers.join(", "))));
        }
        if !keys.is_empty() {
            self.set("GOPHER_KAKFA_SERVER", "export.kafka", &keys);
        }
        if used {
            self.note("GOPHER_KAKFA_SERVER", "[export.kafka] sends rows, events and descriptions of tables");
        }
    }

    /// The bound of all files with metrics, in MiB.
    fn files(&mut self) {
        let name = "GOPHER_METRIC_LOGS_TOTAL_SIZE";
        let Some(text) = self.variables.get(name) else { return };
        let Some(total) = text.parse::<u64>().ok().filter(|total| *total > 0) else {
            return self.refuse(name, format!("found {text:?}, expected a number of MiB such as 1024"));
        };
        let each = total.saturating_mul(1024) / u64::from(self.outcome.config.logs.files.max(1));
        self.set(name, "export.logs", &[("file_size", quoted(&format!("{each}KiB")))]);
    }

    /// Requests to probes; as from `probes.init`, a line that cannot be understood is left out.
    fn probes(&mut self, settle: Settle<'_>) {
        let name = "GOPHER_PROBES_INIT";
        let Some(text) = self.variables.get(name) else { return };
        let mut understood = 0;
        let probes = &mut self.outcome.config.probes;
        let put = |probe: &str, settings| {
            understood += 1;
            probes.insert(probe.to_owned(), settings);
        };
        let (notes, wrong) = init::import(text, name.as_ref(), settle, put);
        self.outcome.notes.extend(notes);
        if understood == 0 {
            self.outcome.refused.extend(wrong);
        } else {
            let left_out =
                wrong.into_iter().map(|e| Note { file: e.file, line: e.line, text: left_out(&e.message) });
            self.outcome.notes.extend(left_out);
        }
    }
}

fn left_out(why: &str) -> String {
    format!("the line is left out: {why}")
}

fn with_port(broker: &str) -> String {
    if broker.contains(':') { broker.to_owned() } else { format!("{broker}:{BROKER_PORT}") }
}

#[cfg(test)]
mod tests;
