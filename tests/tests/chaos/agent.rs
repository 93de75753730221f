//! A running agent in a folder of its own, and its page of metrics.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::folders::built;
use crate::machine::{self, Process, processes, until_some};

/// Where agents live, one after the other.
pub(crate) struct Home(TempDir);

impl Home {
    /// A home without probe folders.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = Self(home);
        fs::create_dir(home.probes()).unwrap();
        let [run, state, probes] = ["run", "state", "probes"].map(|name| home.path().join(name));
        let text = format!(
            "[agent]\nrun_dir = {run:?}\nstate_dir = {state:?}\n[folders]\nprobes = [{probes:?}]\nextend = []\n\
             [export.prometheus]\nlisten = \"127.0.0.1:0\"\n"
        );
        fs::write(home.path().join("agent.conf"), text).unwrap();
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn probes(&self) -> PathBuf {
        self.path().join("probes")
    }

    /// All processes of agents that live or lived here.
    pub(crate) fn processes(&self) -> Vec<Process> {
        let mut all = processes();
        all.retain(|process| process.is_of(self.path()));
        all
    }
}

/// An agent; killed when dropped.
pub(crate) struct Agent {
    child: Child,
    address: String,
}

impl Agent {
    /// Starts an agent and waits until it serves.
    pub(crate) fn start(home: &Home) -> Self {
        let log = home.path().join("agent.log");
        let file = File::create(&log).unwrap();
        let mut command = Command::new(built("gala-gopher"));
        command.arg("--config").arg(home.path().join("agent.conf"));
        let mut child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let address = until_some("the agent serves", || {
            let log = fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "the agent has ended: {log}");
            let rest = log.split_once("http://")?.1;
            Some(rest.split_once("/metrics")?.0.to_owned())
        });
        Self { child, address }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The page of metrics.
    pub(crate) fn page(&self) -> Page {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer:.300}");
        Page(answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// Its children that have died and that it has not waited for.
    pub(crate) fn zombies(&self) -> Vec<Process> {
        let mut all = processes();
        all.retain(|process| process.zombie && process.parent == self.pid());
        all
    }

    /// The processes that it has started for probes; what these have started themselves is not among them.
    pub(crate) fn probes(&self) -> Vec<(String, Process)> {
        let own = processes().into_iter().filter(|process| process.parent == self.pid() && !process.zombie);
        own.filter_map(|process| Some((process.variable("GOPHER_PROBE")?, process))).collect()
    }

    /// Kills it without a warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        let status = until_some("the agent stops", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}");
    }

    /// Resident memory in KiB and open files.
    pub(crate) fn size(&self) -> (u64, usize) {
        (machine::resident(self.pid()), machine::open_files(self.pid()))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// A page of metrics.
#[derive(Clone, PartialEq)]
pub(crate) struct Page(String);

impl Page {
    /// The sum over the series of a metric whose labels contain all of these.
    pub(crate) fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> u64 {
        self.lines(metric, labels).map(|(_, value)| value.parse::<u64>().unwrap()).sum()
    }

    /// Whether there is such a series.
    pub(crate) fn has(&self, metric: &str) -> bool {
        self.lines(metric, &[]).next().is_some()
    }

    /// All values of a label of a metric.
    pub(crate) fn values(&self, metric: &str, label: &str) -> std::collections::BTreeSet<String> {
        let named =
            |labels: &str| Some(labels.split_once(&format!("{label}=\""))?.1.split_once('"')?.0.to_owned());
        self.lines(metric, &[]).filter_map(|(labels, _)| named(labels)).collect()
    }

    fn lines<'a>(
        &'a self,
        metric: &'a str,
        labels: &[(&str, &str)],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let wanted: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let lines = self.0.lines().filter_map(move |line| {
            let (found, value) = line.strip_prefix(metric)?.strip_prefix('{')?.rsplit_once("} ")?;
            Some((found, value))
        });
        lines.filter(move |(found, _)| wanted.iter().all(|label| found.contains(label)))
    }
}
