//! Who a row is about: the process behind a `tgid`, the machine, its name.

#[cfg_attr(not(test), expect(dead_code, reason = "the next change reads the groups of processes"))]
mod cgroup;
mod host;
mod process;
mod processes;
pub mod scope;

pub use self::host::Host;
pub use self::process::Process;
pub use self::processes::Processes;
