//! What the process-level tests share.

pub mod agent;
pub mod bench;
pub mod fake_probe;
pub mod http;
pub mod peer;
pub mod probe;
