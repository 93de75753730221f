//! What a probe may do: its user and its capabilities.

use nix::unistd::{User, geteuid};

use super::capabilities::{Available, CapSet, SETPCAP};
use super::error::{Error, SpawnError};
use super::launch::Launch;

/// The user of probes when none is named.
const DEFAULT_USER: &str = "nobody";

/// A user and its group, as numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Who probes run as; none when the agent is not root and cannot change it.
pub(super) fn probe_user(name: Option<&str>) -> Result<Option<Ids>, Error> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let name = name.unwrap_or(DEFAULT_USER);
    let user = match User::from_name(name) {
        Ok(Some(user)) => user,
        Ok(None) => return Err(Error::NoUser { name: name.to_owned() }),
        Err(errno) => return Err(Error::User { name: name.to_owned(), source: errno.into() }),
    };
    if user.uid.is_root() {
        return Err(Error::RootUser { name: name.to_owned() });
    }
    Ok(Some(Ids { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

/// What one process gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Privileges {
    pub(super) user: Option<Ids>,
    pub(super) capabilities: CapSet,
    /// The highest capability to drop from the bounding set; none where the agent may not do that. With
    /// `no_new_privs` and without uid 0 that set gives nothing to a process by itself.
    pub(super) bound: Option<u32>,
}

impl Privileges {
    /// Resolves a manifest's `privileges` and `optional_privileges`; what is missing of the latter is logged.
    pub(super) fn resolve(launch: &Launch, user: Option<Ids>) -> Result<Self, SpawnError> {
        let available = Available::now();
        let (required, missing) = available.resolve(&launch.privileges);
        if !missing.is_empty() {
            return Err(SpawnError::Denied { capability: missing.join(", ") });
        }
        let (optional, missing) = available.resolve(&launch.optional_privileges);
        if !missing.is_empty() {
            let missing = missing.join(", ");
            tracing::info!(probe = %launch.name, missing, "The probe gets less than it can use: the agent does not hold that.");
        }
        let bound = available.held.has(SETPCAP).then_some(available.last);
        Ok(Self { user, capabilities: required.with(optional), bound })
    }
}
