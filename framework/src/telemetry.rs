//! The agent about itself: its log and its own metrics, `gala_gopher_agent_*`.

mod journal;
mod log;
pub mod metrics;

pub use self::log::{AUDIT, Format, Level, init, set_level};
pub use self::metrics::{AgentMetrics, ExportCounters, FolderCounters, ScopeMetrics};
