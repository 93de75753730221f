//! What the process-level tests share.

pub mod bench;
pub mod fake_probe;
pub mod peer;
pub mod probe;
