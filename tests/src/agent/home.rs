//! Folders of their own for agents, one after the other: probes, configuration, what was said.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test at once")]

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::manifest::demo;
use crate::peer;
use crate::probe::wait_for_end;
use crate::process::{Process, processes};
use crate::tree::{binary, source_root};

/// Folders that the user of the probes can read and only root can write.
pub struct Home {
    folder: TempDir,
    /// Where the agent will listen.
    pub address: SocketAddr,
    /// Where it will answer requests.
    pub control: SocketAddr,
    exposition: &'static str,
    /// What the bounding set of the agent is without, as setpriv(1) writes it; empty: nothing.
    without: &'static str,
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
        let free = || (Ipv4Addr::LOCALHOST, peer::free_port().expect("a free port")).into();
        Self { folder, address: free(), control: free(), exposition: "modern", without: "" }
    }

    /// The agent will speak as the original did.
    #[must_use]
    pub fn upstream(mut self) -> Self {
        self.exposition = "upstream";
        self
    }

    /// The agent will not have these capabilities: `-bpf,-perfmon`.
    #[must_use]
    pub fn bounded(mut self, without: &'static str) -> Self {
        self.without = without;
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

    /// Installs a probe that is built in.
    #[must_use]
    pub fn with_built_in(self, name: &str) -> Self {
        let folder = self.path().join("probes").join(name);
        fs::create_dir(&folder).expect("a probe folder");
        let manifest = source_root().join("probes").join(name).join("probe.toml");
        fs::copy(manifest, folder.join("probe.toml")).expect("the manifest");
        fs::copy(binary(name), folder.join(name)).expect("the probe");
        self
    }

    /// Puts a folder with the fake probe among the extend folders, or replaces it.
    pub fn fake(&self, name: &str, flags: &[&str]) {
        self.fake_with(name, flags, "");
    }

    /// The same with further lines of the manifest.
    pub fn fake_with(&self, name: &str, flags: &[&str], lines: &str) {
        let exec: Vec<_> = ["fake_probe"].iter().chain(flags).copied().collect();
        self.extend(name, &demo(name, &exec, lines));
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
    /// its default, but for the addresses: requests are answered at [`Self::control`] where no line says `[control]`.
    pub fn configure(&self, lines: &str) {
        self.configure_with(&format!("listen = \"{}\"", self.address), lines);
    }

    /// The same with these lines about the endpoint.
    pub fn configure_with(&self, endpoint: &str, lines: &str) {
        let home = self.path().display();
        let exposition = self.exposition;
        let own = lines.contains("[control]");
        let control = if own { String::new() } else { format!("[control]\nlisten = \"{}\"\n", self.control) };
        self.write(&format!(
            "[agent]\nrun_dir = \"{home}/run\"\nstate_dir = \"{home}/state\"\n\
             [folders]\nprobes = [\"{home}/probes\"]\nextend = [\"{home}/extend\"]\n\
             {control}[export.prometheus]\nexposition = \"{exposition}\"\n{endpoint}\n{lines}\n"
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

    pub(super) fn spawn(&self, arguments: &[&str], log: &Path) -> Child {
        let log = fs::File::create(log).expect("a log");
        let mut command = if self.without.is_empty() {
            Command::new(binary("gala-gopher"))
        } else {
            let mut command = Command::new("setpriv");
            command.arg(format!("--bounding-set={}", self.without)).arg(binary("gala-gopher"));
            command
        };
        command.arg("--config").arg(self.config()).args(arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log).env_remove("GOPHER_HOST_PATH");
        command.spawn().expect("the agent")
    }

    /// All processes of agents that live or lived here, and of their probes.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        let mut all = processes();
        all.retain(|process| process.is_of(self.path()));
        all
    }
}
