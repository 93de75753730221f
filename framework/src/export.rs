//! The exporters: the only stage that knows how others write down metrics.

mod delivery;
mod event;
pub mod json;
pub mod kafka;
pub mod logs;
pub mod otlp;
pub mod prometheus;
pub mod push;
pub mod remote_write;
mod rows;
#[cfg(test)]
mod tests;
