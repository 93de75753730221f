//! What the process-level tests share.

pub mod agent;
pub mod authority;
pub mod bench;
pub mod fake_probe;
pub mod http;
pub mod kafka;
pub mod manifest;
pub mod net;
pub mod page;
pub mod peer;
pub mod probe;
pub mod process;
pub mod tree;
