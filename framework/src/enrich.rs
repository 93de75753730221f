//! Who a row is about: the process behind a `tgid`, the machine, its name.

mod host;
mod process;
mod processes;
pub mod scope;

pub use self::host::Host;
pub use self::process::Process;
pub use self::processes::Processes;
