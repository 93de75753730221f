//! A probe process that is fed and read by a test, as the agent would.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use gopher_protocol::control::{ConfigMessage, ProbeConfig, Process, Scope};
use probe_sdk::testing::{CheckedRow, Checker};

const MANIFEST: &str = include_str!("../../../probes/baseinfo/probe.toml");

/// Only so that a probe that never answers ends the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary beside this test's own folder.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let binary = profile.join("baseinfo");
    assert!(binary.exists(), "{} is not there; run `cargo build --workspace` first", binary.display());
    binary
}

/// A configuration with these items, five ticks a second.
pub(crate) fn config(generation: u64, items: &[&str], pids: &[u32]) -> ConfigMessage {
    let process = |pid: &u32| Process { pid: *pid, ..Process::default() };
    let probe = ProbeConfig {
        items: items.iter().map(ToString::to_string).collect(),
        params: [("report_period".to_owned(), 0.2.into())].into(),
        scope: Scope { processes: pids.iter().map(process).collect(), ..Scope::default() },
    };
    ConfigMessage { version: 1, generation, probes: [("baseinfo".to_owned(), probe)].into() }
}

/// A program that runs beside the probe; killed when dropped.
pub(crate) struct Helper(pub(crate) Child);

impl Helper {
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(program).args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}")))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The rows of a tick by table and first key.
pub(crate) type Rows = BTreeMap<(String, String), CheckedRow>;

/// The running probe.
pub(crate) struct Probe {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    errors: Option<std::thread::JoinHandle<String>>,
    checker: Checker,
}

impl Probe {
    pub(crate) fn start(configuration: &ConfigMessage) -> Self {
        Self::start_with(configuration, &[])
    }

    pub(crate) fn start_with(configuration: &ConfigMessage, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.envs(environment.iter().copied()).spawn().unwrap();
        let (sender, lines) = sync_channel(100_000);
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default());
        let checker = Checker::new(MANIFEST).unwrap();
        let stdin = child.stdin.take();
        let mut probe = Self { child, stdin, lines, errors: Some(errors), checker };
        probe.configure(configuration);
        probe
    }

    pub(crate) fn configure(&mut self, configuration: &ConfigMessage) {
        self.stdin.as_mut().unwrap().write_all(configuration.to_line().as_bytes()).unwrap();
    }

    /// The next line, whatever it is; `None` at the end of the output.
    pub(crate) fn line(&mut self) -> Option<Vec<u8>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the probe has written nothing for {PATIENCE:?}"),
        }
    }

    /// The next row, checked.
    pub(crate) fn row(&mut self) -> CheckedRow {
        loop {
            let line = self.line().expect("the probe's output has ended");
            if let Some(row) = self.checker.check(&line).unwrap() {
                return row;
            }
        }
    }

    /// The rows that have arrived and were not taken yet.
    pub(crate) fn queued(&mut self) -> Vec<CheckedRow> {
        let lines: Vec<Vec<u8>> = self.lines.try_iter().collect();
        lines.iter().filter_map(|line| self.checker.check(line).unwrap()).collect()
    }

    /// The rows up to the last table of the next tick that begins after this call, by table and first key.
    pub(crate) fn tick(&mut self, last: &str) -> Rows {
        while self.lines.try_recv().is_ok() {}
        while self.row().table != last {}
        let mut rows = BTreeMap::new();
        loop {
            let row = self.row();
            let key = first_key(&row);
            let is_last = row.table == last;
            rows.insert((row.table.clone(), key), row);
            if is_last {
                return rows;
            }
        }
    }

    /// Rows until one of them is what is looked for.
    pub(crate) fn wait_for(&mut self, what: &str, found: impl Fn(&CheckedRow) -> bool) -> CheckedRow {
        let begun = Instant::now();
        loop {
            let row = self.row();
            if found(&row) {
                return row;
            }
            assert!(begun.elapsed() < PATIENCE, "no row for: {what}");
        }
    }

    /// Closes stdin; the exit status and what was written to stderr.
    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        let status = self.child.wait().unwrap();
        (status.code(), self.errors.take().unwrap().join().unwrap())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn first_key(row: &CheckedRow) -> String {
    let keys = ["cpu", "infos", "dev_name", "origin", "disk_name", "MountOn", "tgid", "os_version"];
    let is_proc = row.table == "system_proc";
    let key = keys.iter().find(|key| row.fields.contains_key(**key) && (!is_proc || **key == "tgid"));
    key.map(|key| row.text(key).to_owned()).unwrap_or_default()
}
