//! Step `deny`: licences, bans and sources of all crates; security advisories where their list can be reached.
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::Result;

use super::Findings;
use crate::workspace::{Workspace, run_tool};

const ADVISORIES_HOST: &str = "github.com:443";

pub(super) fn run(workspace: &Workspace) -> Result<Findings> {
    let mut command = workspace.cargo(&["deny", "--log-level", "warn", "check", "--hide-inclusion-graph"]);
    command.args(["licenses", "bans", "sources"]);
    let reachable = advisories_reachable();
    if reachable {
        command.arg("advisories");
    }
    let mut findings = run_tool(
        &mut command,
        "cargo-deny refuses a crate (see above)",
        "replace the crate, or allow it in deny.toml with the reason; `build/setup` installs cargo-deny",
    )?;
    if !reachable {
        findings.notes.push(format!("advisories not checked: {ADVISORIES_HOST} cannot be reached"));
    }
    Ok(findings)
}

fn advisories_reachable() -> bool {
    let Ok(mut addresses) = ADVISORIES_HOST.to_socket_addrs() else { return false };
    addresses.any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(3)).is_ok())
}
