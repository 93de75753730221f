//! The real agent on a free loopback port, with probe folders in a temporary directory.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::http::Client;
use super::lines::MANIFEST;
use super::measure::resident;

/// The directory that an agent is started in.
pub(super) struct Ground {
    dir: TempDir,
    pub(super) address: SocketAddr,
    /// Where the agent answers requests.
    pub(super) control: SocketAddr,
}

/// A running agent; stopped when dropped.
pub(super) struct Agent {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Ground {
    pub(super) fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("gopher-bench-").tempdir()?;
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(dir.path().join("probes"))?;
        let ground = Self { dir, address: free_address()?, control: free_address()? };
        let at = |name: &str| ground.path(name).display().to_string();
        let config = format!(
            "[agent]\nrun_dir = \"{}\"\nstate_dir = \"{}\"\nlog_level = \"warn\"\n[folders]\nprobes = [\"{}\"]\n\
             extend = []\n[control]\nlisten = \"{}\"\n[export.prometheus]\nlisten = \"{}\"\n",
            at("run"),
            at("state"),
            at("probes"),
            ground.control,
            ground.address
        );
        fs::write(ground.path("agent.conf"), config)?;
        Ok(ground)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Adds sections to the configuration.
    pub(super) fn add(&self, sections: &str) -> Result<()> {
        let path = self.path("agent.conf");
        let text = fs::read_to_string(&path)? + sections;
        Ok(fs::write(path, text)?)
    }

    /// Adds a probe folder whose process works in a mode of [`super::probe`].
    pub(super) fn probe(&self, name: &str, mode: &[&str]) -> Result<()> {
        let folder = self.path("probes").join(name);
        fs::create_dir(&folder)?;
        fs::copy(std::env::current_exe()?, folder.join("gopher-bench"))?;
        let mut exec = vec!["gopher-bench", "probe"];
        exec.extend(mode);
        let manifest = MANIFEST
            .replace("\"bench\"", &format!("\"{name}\""))
            .replace(&format!("exec = [\"{name}\"]"), &format!("exec = {exec:?}"))
            .replace("summary =", "autostart = true\nsummary =");
        Ok(fs::write(folder.join("probe.toml"), manifest)?)
    }

    /// Adds the folder of a probe from the source tree; its program lies beside this one.
    pub(super) fn real_probe(&self, name: &str) -> Result<()> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../probes").join(name);
        let folder = self.path("probes").join(name);
        fs::create_dir(&folder)?;
        fs::copy(source.join("probe.toml"), folder.join("probe.toml"))?;
        fs::copy(beside(name)?, folder.join(name))?;
        Ok(())
    }

    pub(super) fn start(&self) -> Result<Agent> {
        self.start_by(&[])
    }

    /// Starts the agent by a command that becomes it.
    pub(super) fn start_by(&self, before: &[&str]) -> Result<Agent> {
        let agent = beside("gala-gopher")?;
        let mut command = match before {
            [] => Command::new(agent),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(agent);
                command
            }
        };
        let child = command
            .arg("--config")
            .arg(self.path("agent.conf"))
            .stdin(Stdio::null())
            .spawn()
            .context("starting the agent")?;
        Ok(Agent { child, address: self.address })
    }
}

impl Agent {
    /// Another server, looked at and stopped in the same way.
    pub(super) fn of(child: Child, address: SocketAddr) -> Self {
        Self { child, address }
    }

    pub(super) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    pub(super) fn resident(&self) -> Result<f64> {
        resident(&self.pid())
    }

    /// A connection, as soon as the agent listens.
    pub(super) fn client(&mut self) -> Result<Client> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match Client::connect(self.address) {
                Ok(client) => return Ok(client),
                Err(error) if Instant::now() > end => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the agent ended with {status}");
            }
        }
    }

    /// Scrapes until the page satisfies `wanted`.
    pub(super) fn wait_for(&self, client: &mut Client, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let page = client.text()?;
            if wanted(&page) {
                return Ok(page);
            }
            if Instant::now() > end {
                bail!("the agent did not show what was waited for; its page ends: {}", tail(&page));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap_or(0);
        if kill(Pid::from_raw(pid), Signal::SIGTERM).is_err() || self.child.wait().is_err() {
            eprintln!("gopher-bench: the agent {pid} could not be stopped");
        }
    }
}

fn tail(page: &str) -> &str {
    page.get(page.len().saturating_sub(2000)..).unwrap_or(page)
}

/// The program of this name in the folder of this program.
pub(super) fn beside(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() { Ok(path) } else { bail!("{} is missing; tests/bench/run builds it", path.display()) }
}

/// A loopback address that nobody listens on now.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The value of the first sample whose line starts so.
pub(super) fn sample(page: &str, start: &str) -> Option<f64> {
    page.lines().find(|line| line.starts_with(start))?.rsplit(' ').next()?.parse().ok()
}
