//! The real agent in folders and on a port of its own; nothing of it is left when it is dropped.
#![expect(clippy::expect_used, clippy::panic, reason = "what goes wrong here fails the test at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::http::{self, Response};
use crate::peer;
use crate::probe::{source_root, wait_for_end};

/// The binary of a workspace crate, beside the folder of the running test.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's path");
    let profile = test.parent().and_then(Path::parent).expect("the profile's folder");
    let binary = profile.join(name);
    assert!(binary.exists(), "{} is not there; run `cargo build --workspace` first", binary.display());
    binary
}

/// Looks until there is something; ends the test when there never is.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    let waited = peer::until(what, || {
        found = look();
        found.is_some()
    });
    waited.and(found.context("nothing")).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Folders that the user of the probes can read and only root can write.
pub struct Home {
    folder: TempDir,
    /// Where the agent will listen.
    pub address: SocketAddr,
    exposition: &'static str,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// Empty folders and a free port.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("an open folder");
        for name in ["probes", "extend"] {
            fs::create_dir(folder.path().join(name)).expect("a folder for probes");
        }
        let port = peer::free_port().expect("a free port");
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Self { folder, address, exposition: "modern" }
    }

    /// The agent will speak as the original did.
    #[must_use]
    pub fn upstream(mut self) -> Self {
        self.exposition = "upstream";
        self
    }

    /// Where everything is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration's file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path().join("gala-gopher.conf")
    }

    /// Installs the built-in probe `baseinfo`.
    #[must_use]
    pub fn with_baseinfo(self) -> Self {
        let folder = self.path().join("probes/baseinfo");
        fs::create_dir(&folder).expect("a probe folder");
        let manifest = source_root().join("probes/baseinfo/probe.toml");
        fs::copy(manifest, folder.join("probe.toml")).expect("the manifest");
        fs::copy(binary("baseinfo"), folder.join("baseinfo")).expect("the probe");
        self
    }

    /// Puts a folder with the fake probe among the extend folders, or replaces it.
    pub fn fake(&self, name: &str, flags: &[&str]) {
        let flags: Vec<_> = flags.iter().map(|flag| format!("{flag:?}")).collect();
        self.extend(
            name,
            &format!(
                "protocol = 1\nname = \"{name}\"\nexec = [\"fake_probe\", {}]\n\
                 [[probe]]\nname = \"{name}\"\nsummary = \"Misbehaves.\"\nautostart = true\n\
                 [[table]]\nname = \"demo\"\nentity = \"{name}\"\nfields = [\n\
                 {{ name = \"id\", type = \"key\", help = \"Number.\" }},\n\
                 {{ name = \"v\", type = \"gauge\", help = \"Value.\" }} ]\n",
                flags.join(", ")
            ),
        );
    }

    /// Puts a folder with this manifest and the fake probe among the extend folders, as `cp -r` would.
    pub fn extend(&self, name: &str, manifest: &str) {
        let folder = self.path().join("extend").join(name);
        fs::create_dir_all(&folder).expect("a probe folder");
        fs::write(folder.join("probe.toml"), manifest).expect("a manifest");
        let probe = folder.join("fake_probe");
        if !probe.exists() {
            fs::copy(binary("fake_probe"), probe).expect("the fake probe");
        }
    }

    /// Writes the configuration with further lines, replacing the file as an editor does. What a test leaves out has
    /// its default.
    pub fn configure(&self, lines: &str) {
        self.configure_with(&format!("listen = \"{}\"", self.address), lines);
    }

    /// The same with these lines about the endpoint.
    pub fn configure_with(&self, endpoint: &str, lines: &str) {
        let home = self.path().display();
        let exposition = self.exposition;
        self.write(&format!(
            "[agent]\nrun_dir = \"{home}/run\"\nstate_dir = \"{home}/state\"\n\
             [folders]\nprobes = [\"{home}/probes\"]\nextend = [\"{home}/extend\"]\n\
             [export.prometheus]\nexposition = \"{exposition}\"\n{endpoint}\n{lines}\n"
        ));
    }

    /// Replaces the configuration by this text.
    pub fn write(&self, text: &str) {
        let new = self.path().join("new.conf");
        fs::write(&new, text).expect("a new configuration");
        fs::rename(new, self.config()).expect("the new one in its place");
    }

    /// Runs the agent to its end, which must come by itself; its exit code and all that it said.
    #[must_use]
    pub fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let log = self.path().join("refused.log");
        let mut child = self.spawn(arguments, &log);
        let status = wait_for_end(&mut child).expect("its end");
        (status.code(), fs::read_to_string(log).expect("what it said"))
    }

    /// Starts the agent with the configuration that was written, or the shortest; returns when it is ready.
    #[must_use]
    pub fn start(self) -> Agent {
        if !self.config().exists() {
            self.configure("");
        }
        let log = self.path().join("log");
        let child = self.spawn(&[], &log);
        let mut agent = Agent { child, home: self, ended: false };
        until("the start", || {
            let ended = agent.child.try_wait().expect("the agent's state");
            assert!(ended.is_none(), "the agent ended: {}", agent.log());
            agent.log().contains(" Started.").then_some(())
        });
        agent.ready();
        agent
    }

    fn spawn(&self, arguments: &[&str], log: &Path) -> Child {
        let log = fs::File::create(log).expect("a log");
        let mut command = Command::new(binary("gala-gopher"));
        command.arg("--config").arg(self.config()).args(arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log).env_remove("GOPHER_HOST_PATH");
        command.spawn().expect("the agent")
    }

    /// Ids of processes that run from these folders or work in them.
    fn processes(&self) -> BTreeSet<u32> {
        let here = |link: PathBuf| fs::read_link(link).is_ok_and(|at| at.starts_with(self.path()));
        let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        let found = entries.filter(|entry| here(entry.path().join("cwd")) || here(entry.path().join("exe")));
        found.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }
}

/// A running agent.
pub struct Agent {
    child: Child,
    /// Its folders; what they hold may be changed.
    pub home: Home,
    ended: bool,
}

impl Agent {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).expect("the log")
    }

    /// Lines of the log that contain a text.
    #[must_use]
    pub fn said(&self, text: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(text)).map(ToOwned::to_owned).collect()
    }

    /// Waits until the log has a line with this text.
    pub fn says(&self, text: &str) {
        until(text, || (!self.said(text).is_empty()).then_some(()));
    }

    /// Waits for `/readyz`.
    pub fn ready(&self) {
        until("readiness", || (self.get("/readyz", &[]).status == 200).then_some(()));
    }

    /// Sends a GET.
    #[must_use]
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request("GET", path, headers)
    }

    /// Sends a request.
    #[must_use]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        http::request(self.home.address, method, path, headers)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    /// Scrapes; samples by name and labels.
    #[must_use]
    pub fn scrape(&self) -> BTreeMap<String, String> {
        let response = self.get("/metrics", &[]);
        assert_eq!(response.status, 200, "{}", response.text);
        http::samples(&response.text).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Scrapes until the samples are as wanted.
    pub fn until(
        &self,
        what: &str,
        wanted: impl Fn(&BTreeMap<String, String>) -> bool,
    ) -> BTreeMap<String, String> {
        until(what, || Some(self.scrape()).filter(&wanted))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("a signal");
    }

    /// Ids of its children, of which the keeper is always one.
    fn children(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("its threads");
        let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
        let all: Vec<_> = lists
            .flat_map(|list| list.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>())
            .collect();
        assert!(!all.is_empty(), "the keeper was not found");
        all
    }

    /// Tells it to stop and waits.
    ///
    /// # Panics
    /// When it does not end, or leaves a process.
    pub fn stop(&mut self) -> ExitStatus {
        // The keeper works elsewhere; it is found as a child.
        let children = self.children();
        self.signal(Signal::SIGTERM);
        let status = wait_for_end(&mut self.child).expect("its end");
        self.ended = true;
        until("the end of all its processes", || {
            let alive = |pid: &String| Path::new("/proc").join(pid).exists();
            (self.home.processes().is_empty() && !children.iter().any(alive)).then_some(())
        });
        status
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if !std::thread::panicking() {
            self.stop();
            return;
        }
        eprintln!("{}", self.log());
        // Its keeper ends the probes.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("the agent could not be ended: {error}");
        }
    }
}

/// Names of the metrics in samples.
#[must_use]
pub fn names(samples: &BTreeMap<String, String>) -> BTreeSet<&str> {
    samples.keys().map(|series| series.split('{').next().unwrap_or(series)).collect()
}

/// The sum of all samples of one metric whose labels contain a text.
#[must_use]
pub fn sum(samples: &BTreeMap<String, String>, metric: &str, label: &str) -> f64 {
    let of = |series: &str| {
        series.strip_prefix(metric).is_some_and(|rest| rest.starts_with('{') && rest.contains(label))
    };
    let chosen = samples.iter().filter(|(series, _)| of(series));
    chosen.map(|(series, value)| value.parse::<f64>().unwrap_or_else(|_| panic!("{series} {value}"))).sum()
}
