//! The probe `net` with both of its probes on, read by a thread of its own.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gopher_protocol::PROTOCOL;
use gopher_protocol::control::{ConfigMessage, ProbeConfig, Process, Scope};
use gopher_protocol::manifest::Manifest;
use gopher_tests::agent::until;
use gopher_tests::probe::{Output, Probe, Row, manifest_text};
use gopher_tests::tree::{binary, source_root};
use serde_json::Value;

use super::PERIOD;

/// What it has written so far.
#[derive(Default)]
struct Written {
    ready: bool,
    rows: Vec<Row>,
    lost: BTreeMap<String, u64>,
    broken: Option<String>,
}

pub(super) struct Net {
    written: Arc<Mutex<Written>>,
}

impl Net {
    /// With the whole host in scope.
    pub(super) fn start(params: &[(&str, Value)]) -> Self {
        Self::told(params, &Scope { all: true, ..Scope::default() })
    }

    /// With one process in scope.
    pub(super) fn observing(pid: &str) -> Self {
        let process = Process { pid: pid.parse().unwrap(), ..Process::default() };
        Self::told(&[], &Scope { processes: vec![process], ..Scope::default() })
    }

    fn told(params: &[(&str, Value)], scope: &Scope) -> Self {
        let text = manifest_text(&source_root().join("probes/net")).unwrap();
        let manifest = Manifest::parse(&text).unwrap();
        let mut probes = BTreeMap::new();
        for probe in &manifest.probes {
            let mut set: BTreeMap<String, Value> =
                probe.params.iter().map(|(name, param)| (name.clone(), param.default.clone())).collect();
            let own = [("report_period", PERIOD.into()), ("sample_period", 1000.into())];
            for (name, value) in own.iter().chain(params) {
                if let Some(place) = set.get_mut(*name) {
                    *place = value.clone();
                }
            }
            let items = probe.items.iter().map(|item| item.name.clone()).collect();
            probes.insert(probe.name.clone(), ProbeConfig { items, params: set, scope: scope.clone() });
        }
        let message = ConfigMessage { version: PROTOCOL, generation: 1, probes };
        let mut probe = Probe::start_told(Command::new(binary("net")), &text, &message).unwrap();
        let written = Arc::new(Mutex::new(Written::default()));
        let into = Arc::clone(&written);
        thread::spawn(move || {
            loop {
                let output = probe.next_output();
                let mut into = into.lock().unwrap();
                match output {
                    Ok(Output::Row(row)) => into.rows.push(row),
                    Ok(Output::Lost(what, count)) => *into.lost.entry(what).or_default() += count,
                    Ok(Output::Applied(_)) => into.ready = true,
                    Ok(_) => {}
                    // Also when nobody looks any more.
                    Err(error) => {
                        into.broken = Some(format!("{error:#}"));
                        return;
                    }
                }
            }
        });
        let net = Self { written };
        until("it is ready", || net.look(|written| written.ready.then_some(())));
        net
    }

    fn look<T>(&self, at: impl Fn(&Written) -> T) -> T {
        let written = self.written.lock().unwrap();
        assert_eq!(written.broken, None);
        at(&written)
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        self.look(|written| written.rows.clone())
    }

    pub(super) fn lost(&self) -> BTreeMap<String, u64> {
        self.look(|written| written.lost.clone())
    }

    /// Waits so many periods.
    pub(super) fn ticks(&self, count: u64) {
        thread::sleep(Duration::from_secs(count * PERIOD));
        self.look(|_| ());
    }
}
