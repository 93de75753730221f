//! What a probe may do: its user and its capabilities.

use nix::unistd::{User, geteuid};

use super::capabilities::{Available, CapSet, SETPCAP};
use super::error::{Error, SpawnError};

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
    /// Resolves a manifest's `privileges`.
    pub(super) fn resolve(names: &[String], user: Option<Ids>) -> Result<Self, SpawnError> {
        let available = Available::now();
        let denied = |capability| SpawnError::Denied { capability };
        let capabilities = available.resolve(names).map_err(denied)?;
        let bound = available.held.has(SETPCAP).then_some(available.last);
        Ok(Self { user, capabilities, bound })
    }
}
