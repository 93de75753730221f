//! The probe under test, fed and read as the agent would; what goes wrong with it fails the test.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus};

use gopher_protocol::control::{ConfigMessage, ProbeConfig, Process, Scope};
use gopher_tests::probe::{self, Output, Row};
use gopher_tests::tree::binary;

const MANIFEST: &str = include_str!("../../../probes/baseinfo/probe.toml");

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
pub(crate) type Rows = BTreeMap<(String, String), Row>;

/// The running probe.
pub(crate) struct Probe(probe::Probe);

impl Probe {
    pub(crate) fn start(configuration: &ConfigMessage) -> Self {
        Self::start_with(configuration, &[])
    }

    pub(crate) fn start_with(configuration: &ConfigMessage, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary("baseinfo"));
        command.envs(environment.iter().copied());
        Self(probe::Probe::start_told(command, MANIFEST, configuration).unwrap())
    }

    pub(crate) fn configure(&mut self, configuration: &ConfigMessage) {
        self.send(&configuration.to_line());
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(text).unwrap();
    }

    /// The next line, whatever it is; `None` at the end of the output.
    pub(crate) fn line(&self) -> Option<Vec<u8>> {
        self.0.line().unwrap()
    }

    /// The next row.
    pub(crate) fn row(&mut self) -> Row {
        loop {
            if let Output::Row(row) = self.0.next_output().unwrap() {
                return row;
            }
        }
    }

    /// The rows that have arrived and were not taken yet.
    pub(crate) fn queued(&mut self) -> Vec<Row> {
        self.0.queued().unwrap()
    }

    /// The rows up to the last table of the next tick that begins after this call, by table and first key.
    pub(crate) fn tick(&mut self, last: &str) -> Rows {
        self.queued();
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
    pub(crate) fn wait_for(&mut self, what: &str, found: impl Fn(&Row) -> bool) -> Row {
        self.0.row_where(found).unwrap_or_else(|problem| panic!("{what}: {problem}"))
    }

    /// The text of the first event of this entity, id and metric.
    pub(crate) fn event(&mut self, [entity, id, metric]: [&str; 3]) -> String {
        let start = format!("|event|{entity}|{id}|{metric}|");
        loop {
            let line = String::from_utf8(self.line().expect("output goes on")).unwrap();
            if line.starts_with(&start) {
                return line;
            }
        }
    }

    /// Tells it to end and waits.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.0.terminate().and_then(|()| self.0.ended()).unwrap()
    }

    /// Closes stdin; the exit status and what was written to stderr.
    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        self.0.stop().unwrap()
    }
}

fn first_key(row: &Row) -> String {
    let keys = ["cpu", "infos", "dev_name", "origin", "disk_name", "MountOn", "tgid", "os_version"];
    let is_proc = row.table == "system_proc";
    let key = keys.iter().find(|key| row.fields.contains_key(**key) && (!is_proc || **key == "tgid"));
    key.map(|key| row.text(key).to_owned()).unwrap_or_default()
}
