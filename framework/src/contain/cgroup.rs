//! Cgroups of both versions: which are there, what each is good for, and one folder in each per process.
//!
//! Below the agent's own cgroup in each hierarchy that is used there is `gala-gopher.<pid>-<start>`, and in it one
//! cgroup per probe. Each purpose takes version 2 where its controller is really there, else version 1:
//!
//! | purpose | version 2 | version 1 |
//! |---|---|---|
//! | memory | controller `memory` | `memory` |
//! | CPU | controller `cpu` | `cpu` |
//! | CPU time used | always there | `cpuacct` |
//! | kill | `cgroup.kill` (5.14), else its processes one by one | `freezer`, else any of the above |

mod delegate;
mod hierarchies;
mod kill;
mod locate;
mod probe;

pub(super) use self::hierarchies::Hierarchies;
pub(super) use self::kill::{kill_all, remove};
pub(super) use self::locate::{Found, locate};
pub(super) use self::probe::Cgroups;

/// What the agent's cgroups begin with; the life of the agent follows.
pub(super) const PREFIX: &str = "gala-gopher.";

/// A version of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}
