//! Supervision of probe processes: one task per folder, its decisions made by a pure state machine.
//!
//! ```text
//!   Supervisor::set ──order──> worker ──> state::next ──> spawn, TERM, KILL (contain)
//!                                ^
//!                                │ started, output closed, ended
//!                              life: stdout ──> output ──> LineSink (ingest)
//!                                    stderr ──> journal ──> log, status
//!                                    stdin  <── channel <── configuration
//! ```

mod change;
mod channel;
mod environment;
mod journal;
mod life;
mod order;
mod output;
mod policy;
mod shared;
mod sink;
pub mod state;
mod status;
mod words;
mod worker;

pub use self::change::{Change, change};
pub use self::channel::Delivered;
pub use self::environment::of as environment_of;
pub use self::order::{Desired, Folder};
pub use self::policy::Policy;
pub use self::shared::{Settings, Supervisor};
pub use self::sink::{Capability, LineSink, Progress, Sinks};
pub use self::status::{Brief, LastExit, StateName, Status};
