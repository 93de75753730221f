//! Processes that tests need are this very test binary, told by its environment which part to play.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::harness::{lines, script};
use crate::contain::{Instance, Options, Spawner};

/// The part of the keeper.
pub(in crate::contain) const KEEPER: &str = "tests::roles::keeper";
const AGENT: &str = "tests::roles::agent";

/// Names the part.
const ROLE: &str = "GOPHER_TEST_ROLE";

/// Names the agent's run directory, which is its probe's folder too.
const FOLDER: &str = "GOPHER_TEST_FOLDER";

/// What the agent's probe is: it tells the pids of itself, of a child, of a child in its own session, and of an orphan
/// without environment. All of them ignore TERM.
const PROBE: &str = "trap '' TERM\n\
    echo $$\n\
    sh -c 'echo $$; exec sleep 1000' &\n\
    setsid sh -c 'echo $$; exec sleep 1000' &\n\
    (setsid env -i /bin/sh -c 'echo hidden $$; exec sleep 1000' &)\n\
    while :; do sleep 1000; done";
const HIDDEN: &str = "hidden ";
pub(super) const DESCENDANTS: usize = 4;

/// A command that plays a part: the test of that path below `contain`.
pub(in crate::contain) fn command(role: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let test = format!("contain::{role}");
    command.args(["--exact", &test, "--nocapture", "--quiet", "--test-threads=1"]);
    command.env_clear().env(ROLE, role);
    command
}

/// An agent with a probe, to be killed. It writes `pid N` for each process of the probe, the probe's own first and
/// that without environment last.
pub(super) fn agent_command(folder: &Path) -> Command {
    let mut command = command(AGENT);
    command.env(FOLDER, folder);
    command
}

/// True when this process is to play that part.
pub(in crate::contain) fn plays(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|played| played == role)
}

#[test]
fn keeper() {
    if plays(KEEPER) {
        assert_eq!(crate::contain::keeper_main(), std::process::ExitCode::SUCCESS);
    }
}

#[tokio::test]
async fn agent() {
    if !plays(AGENT) {
        return;
    }
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let instance = Instance::current(&folder);
    let spawner = Spawner::start(Options { probe_user: None, instance }).unwrap();
    let mut child = spawner.spawn(script(&folder, PROBE)).await.unwrap();
    let mut pids = lines(&mut child, DESCENDANTS).await;
    // They come in any order but for the first.
    pids.sort_by_key(|line| line.starts_with(HIDDEN));
    for pid in pids {
        println!("pid {}", pid.trim_start_matches(HIDDEN));
    }
    std::future::pending::<()>().await;
}
