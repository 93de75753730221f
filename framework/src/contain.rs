//! Containment: how a probe process is started with no more rights than it needs, and how nothing of it survives.
//!
//! ```text
//!   Spawner::spawn ──launch──> one permanent thread ──fork──> child::enter ──exec──> probe
//!                                 │        │                  (session, cgroups, limits, user, capabilities)
//!                     SIGCHLD ──> reaper   └──groups──> keeper (own process): kills all when the agent dies
//! ```
//!
//! * One thread does every fork, because the parent-death signal is bound to the forking thread.
//! * Each process leads its own session and process group and, where the kernel lets us, sits in its own cgroups
//!   before its first instruction. What leaves the group is found by the cgroup, or by the marker in its environment.
//! * Memory, CPU and kill each choose their own mechanism, see [`Enforced`].
//! * A small keeper process ends what is left when the agent dies, however it dies; [`sweep`] does it at the next
//!   start when even the keeper was killed.

mod capabilities;
mod cgroup;
mod child;
mod environment;
mod error;
mod fork;
mod group;
mod instance;
mod keeper;
mod launch;
mod limits;
mod marker;
mod privileges;
mod reaper;
mod spawner;
pub mod sweep;
mod thread;
pub mod trust;

pub use self::environment::common as common_environment;
pub use self::error::{Error, SpawnError};
pub use self::group::{Group, Usage};
pub use self::instance::Instance;
pub use self::keeper::keeper_main;
pub use self::launch::{Launch, Limits};
pub use self::limits::{Enforced, Mechanism};
pub use self::reaper::Exit;
pub use self::spawner::{Child, Options, Spawner};

#[cfg(test)]
mod tests;
