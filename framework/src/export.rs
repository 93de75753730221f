//! The exporters: the only stage that knows how others write down metrics.

pub mod json;
pub mod prometheus;
pub mod push;
pub mod remote_write;
