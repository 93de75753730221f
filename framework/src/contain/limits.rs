//! Which mechanism enforces what.

use std::fmt;

use super::cgroup::Version;

/// What enforces a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// A cgroup of version 2.
    CgroupV2,
    /// A cgroup of version 1.
    CgroupV1,
    /// A resource limit of each process, setrlimit(2).
    Rlimit,
    /// The process group, and the marker in the environment of what has left it; a process that leaves the group and
    /// clears its environment escapes.
    ProcessGroup,
    /// Nothing does.
    NotEnforced,
    /// No limit is asked for.
    NoLimit,
}

impl Mechanism {
    /// The word for it in status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup v2",
            Self::CgroupV1 => "cgroup v1",
            Self::Rlimit => "rlimit",
            Self::ProcessGroup => "process group",
            Self::NotEnforced => "not enforced",
            Self::NoLimit => "no limit",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Version> for Mechanism {
    fn from(version: Version) -> Self {
        match version {
            Version::V1 => Self::CgroupV1,
            Version::V2 => Self::CgroupV2,
        }
    }
}

/// What enforces the limits of one process and its descendants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// The memory limit.
    pub memory: Mechanism,
    /// The CPU limit.
    pub cpu: Mechanism,
    /// That nothing survives.
    pub kill: Mechanism,
}
