//! Who a row is about: the process behind a `tgid`, its container and pod, the machine; and whom a scope selects.

mod added;
mod cgroup;
mod container;
mod containers;
mod host;
mod process;
mod processes;
mod procfs;
pub mod scope;
mod watch;

pub use self::added::{Added, HOST_LABELS};
pub use self::container::{CONTAINER_LABELS, Container};
pub use self::containers::{Containers, Sockets, answer_questions};
pub use self::host::Host;
pub use self::process::Process;
pub use self::processes::Processes;
pub use self::watch::{Changed, Feed, ProcessWatch, Source};
