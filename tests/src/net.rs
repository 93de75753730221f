//! The probe `net` with both of its probes on, read by a thread of its own.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what goes wrong here fails the test at once"
)]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gopher_protocol::PROTOCOL;
use gopher_protocol::control::{ConfigMessage, ProbeConfig, Process, Scope};
use gopher_protocol::manifest::Manifest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::agent::until;
use crate::probe::{Output, Probe, Row, manifest_text};
use crate::tree::{binary, source_root};

/// Its `report_period` where a test wants no other, in seconds.
const PERIOD: u64 = 5;

/// What it has written so far.
#[derive(Debug, Default)]
struct Written {
    ready: bool,
    rows: Vec<Row>,
    lost: BTreeMap<String, u64>,
    broken: Option<String>,
}

/// A running probe; it ends when it writes and nobody looks any more.
#[derive(Debug)]
pub struct Net {
    process: u32,
    written: Arc<Mutex<Written>>,
}

impl Net {
    /// With the whole host in scope.
    #[must_use]
    pub fn start(params: &[(&str, Value)]) -> Self {
        Self::told(Command::new(binary("net")), params, &Scope { all: true, ..Scope::default() })
    }

    /// With these processes in scope.
    #[must_use]
    pub fn observing(pids: &[u32], params: &[(&str, Value)]) -> Self {
        Self::started_by(Command::new(binary("net")), pids, params)
    }

    /// The same where eBPF is refused: in the namespaces of a process that has a user namespace of its own.
    #[must_use]
    pub fn without_ebpf(beside: u32, pids: &[u32], params: &[(&str, Value)]) -> Self {
        let mut command = Command::new("nsenter");
        command.args(["--target", &beside.to_string(), "--user", "--net"]).arg(binary("net"));
        Self::started_by(command, pids, params)
    }

    fn started_by(command: Command, pids: &[u32], params: &[(&str, Value)]) -> Self {
        let processes = pids.iter().map(|pid| Process { pid: *pid, ..Process::default() }).collect();
        Self::told(command, params, &Scope { processes, ..Scope::default() })
    }

    fn told(command: Command, params: &[(&str, Value)], scope: &Scope) -> Self {
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
        let mut probe = Probe::start_told(command, &text, &message).unwrap();
        let process = probe.pid();
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
        let net = Self { process, written };
        until("it is ready", || net.look(|written| written.ready.then_some(())));
        net
    }

    fn look<T>(&self, at: impl Fn(&Written) -> T) -> T {
        let written = self.written.lock().unwrap();
        assert_eq!(written.broken, None);
        at(&written)
    }

    /// All rows so far.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.look(|written| written.rows.clone())
    }

    /// All losses so far, by what was lost.
    #[must_use]
    pub fn lost(&self) -> BTreeMap<String, u64> {
        self.look(|written| written.lost.clone())
    }

    /// Waits so many periods.
    pub fn ticks(&self, count: u64) {
        thread::sleep(Duration::from_secs(count * PERIOD));
        self.look(|_| ());
    }

    /// Sends the probe a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.process).unwrap()), signal).unwrap();
    }

    /// The most memory that the probe has had so far, in bytes: `VmHWM` of proc(5).
    #[must_use]
    pub fn most_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// How many files the probe has open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process)).unwrap().count()
    }
}
