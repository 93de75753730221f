//! Supervision of probe processes.

mod sink;

pub use self::sink::{LineSink, Progress, Sinks};
