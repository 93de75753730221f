//! The agent's configuration: `gala-gopher.conf` and the whitelist beside it, read, checked, compared, watched.
//!
//! ```text
//! file text --read--> Loaded { Config, lines of its keys } --> catalog::check_probes
//!     ^                      |
//!   watch (reload requests)  '--diff(old, new)--> Changes
//! ```
//!
//! One table of keys ([`keys`]) drives reading, checking, the rendered default file and comparison.
//! Every problem of a file is found in one pass and carries the file, the line and what is allowed.

pub mod containers;
pub mod control;
pub mod diff;
pub mod events;
pub mod export;
pub mod json;
pub mod keys;
pub mod kind;
pub mod load;
pub mod model;
pub mod overlay;
pub mod problem;
pub mod render;
pub mod scope;
pub mod tls;
pub mod watch;

mod names;
mod raw;
mod rules;
mod setting;
mod units;

pub use containers::Containers;
pub use control::Control;
pub use diff::{Changes, diff, keep_restart_keys};
pub use events::{Events, Language};
pub use export::{Compression, Exposition, Logs, Otlp, Prometheus, Protocol, RemoteWrite};
pub use load::{LoadError, Loaded, app_conf_of, load, parse};
pub use model::{Agent, Config, Folders, LogFormat, LogLevel, ProbeConfig, ProbeState, Size, Store};
pub(crate) use names::nearest;
pub use overlay::{Overlay, Settings};
pub use problem::{Problem, Problems};
pub use rules::pattern;
pub use scope::{ProcName, Scope, Selectors};
pub use tls::Tls;
pub(crate) use units::parse_duration;

#[cfg(test)]
mod tests;
