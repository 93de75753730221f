//! Readers of the /proc, /sys and /etc files that probes and the agent need.
//!
//! ```text
//!   Root (GOPHER_HOST_PATH) ──> FileReader + Buffer ──> bytes ──> a parser per file ──> struct or callback
//! ```
//!
//! Invariants: parsers are pure, never panic and allocate nothing; what a file does not say is `None`, never zero;
//! a reader holds its file open and uses one buffer again and again, so that a period allocates nothing.
#![forbid(unsafe_code)]

pub mod cpu;
pub mod disk;
mod file;
mod folder;
pub mod mem;
pub mod mounts;
pub mod net;
pub mod os;
pub mod process;
mod root;
mod system;
mod text;

pub use self::file::{Buffer, FileReader};
pub use self::folder::Folder;
pub use self::root::Root;
pub use self::system::System;
