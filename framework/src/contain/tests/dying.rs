//! Nothing of a probe survives the agent, however it dies.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use super::harness::{Scene, eventually, exists};
use super::roles::{DESCENDANTS, KEEPER, agent_command};
use crate::contain::cgroup::{PREFIX, locate};
use crate::contain::reaper::{send, send_kill};
use crate::contain::{marker, sweep};

/// An agent in a process of its own, with a probe.
struct Agent {
    process: Child,
    /// The probe's processes.
    pids: Vec<String>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Already dead, unless the test has failed.
        self.kill();
    }
}

impl Agent {
    fn start(scene: &Scene) -> Self {
        let mut process = agent_command(scene.folder.path()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let pids: Vec<String> =
            output.filter_map(|line| Some(line.strip_prefix("pid ")?.to_owned())).take(DESCENDANTS).collect();
        assert_eq!(pids.len(), DESCENDANTS);
        assert!(pids.iter().all(|pid| exists(pid)));
        Self { process, pids }
    }

    fn keeper(&self) -> Option<i32> {
        let is_keeper = |pid: &i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            status.lines().any(|line| line == format!("PPid:\t{}", self.process.id()))
                && environment.split(|byte| *byte == 0).any(|entry| entry.ends_with(KEEPER.as_bytes()))
        };
        marker::processes().find(is_keeper)
    }

    fn kill(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }

    /// The agent's cgroups that are there.
    fn cgroups(&self) -> Vec<PathBuf> {
        let name = format!("{PREFIX}{}-", self.process.id());
        let folders =
            locate().into_iter().filter_map(|found| fs::read_dir(found.own).ok()).flatten().flatten();
        let own = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(&name));
        own.map(|entry| entry.path()).collect()
    }

    /// Waits until nothing is left of the agent. What only a cgroup could find is counted where there is one.
    async fn is_gone(&self, had_cgroups: bool) {
        let count = if had_cgroups { DESCENDANTS } else { DESCENDANTS - 1 };
        for pid in &self.pids[..count] {
            eventually(&format!("{pid} is gone"), || !exists(pid)).await;
        }
        eventually("the cgroups are removed", || self.cgroups().is_empty()).await;
        self.pids[count..].iter().filter_map(|pid| pid.parse().ok()).for_each(send_kill);
    }
}

/// A keeper that is stopped, so that it is neither replaced nor can act; killed when this is dropped.
struct Stopped(i32);

impl Stopped {
    fn new(keeper: i32) -> Self {
        assert!(send(keeper, libc::SIGSTOP));
        Self(keeper)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        send_kill(self.0);
    }
}

#[tokio::test]
async fn keeper_ends_everything_when_the_agent_is_killed() {
    let scene = Scene::new();
    let mut agent = Agent::start(&scene);
    let had_cgroups = !agent.cgroups().is_empty();
    agent.kill();
    agent.is_gone(had_cgroups).await;
    scene.close().await;
}

#[tokio::test]
async fn keeper_that_dies_is_replaced() {
    let scene = Scene::new();
    let mut agent = Agent::start(&scene);
    let had_cgroups = !agent.cgroups().is_empty();
    let first = agent.keeper().unwrap();
    send_kill(first);
    eventually("there is another", || agent.keeper().is_some_and(|second| second != first)).await;
    agent.kill();
    agent.is_gone(had_cgroups).await;
    scene.close().await;
}

#[tokio::test]
async fn keeper_is_not_stopped_by_what_stops_the_agent() {
    let scene = Scene::new();
    let mut agent = Agent::start(&scene);
    let had_cgroups = !agent.cgroups().is_empty();
    let keeper = agent.keeper().unwrap();
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        assert!(send(keeper, signal));
    }
    agent.kill();
    agent.is_gone(had_cgroups).await;
    scene.close().await;
}

#[tokio::test]
async fn probe_dies_with_the_agent_even_without_keeper_and_the_sweep_ends_the_rest() {
    let scene = Scene::new();
    let mut agent = Agent::start(&scene);
    let had_cgroups = !agent.cgroups().is_empty();
    let keeper = agent.keeper().unwrap();
    let stopped = Stopped::new(keeper);
    agent.kill();
    // The parent-death signal reaches the probe itself and none of its descendants.
    eventually("the probe is gone", || !exists(&agent.pids[0])).await;
    drop(stopped);
    // How much it finds is not asked: the sweep of a test beside this one may have ended some of it.
    let swept = sweep::leftovers(scene.folder.path());
    agent.is_gone(had_cgroups).await;
    assert!(swept.processes <= DESCENDANTS, "{swept:?}");
    scene.close().await;
}

#[tokio::test]
async fn sweep_finds_by_the_marker_what_is_in_no_cgroup_and_spares_the_living() {
    let scene = Scene::new();
    let child = scene.run("read line").await;
    // The marker of an agent that never was: this pid, with another start.
    let dead = format!("{}:{}:1", scene.folder.path().display(), std::process::id());
    let mut orphan =
        std::process::Command::new("sleep").arg("1000").env("GOPHER_INSTANCE", dead).spawn().unwrap();
    let swept = sweep::leftovers(scene.folder.path());
    assert_eq!(swept.processes, 1, "{swept:?}");
    orphan.wait().unwrap();
    assert!(exists(&child.pid.to_string()));
    super::harness::finish(child).await;
    scene.close().await;
}
