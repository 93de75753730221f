//! The agent's control: REST over TCP and a unix socket.
//!
//! ```text
//!   listeners (server) ──> judge ──> routes ──┬── GET: View, Supervisor ──────────────> answer
//!   a thread of their own                     └── PUT: body ──> wanted ──> Command ──> app
//!                                                                             reply <──┘
//! ```
//!
//! Requests see a [`View`] that the application replaces, and ask for changes by [`Command`]s; the application alone
//! owns the configuration.

pub(crate) mod audit;
pub mod auth;
pub mod body;
pub mod client;
mod compare;
mod events;
mod judge;
pub(crate) mod known;
mod peer;
mod probe;
mod reply;
mod routes;
mod server;
mod status;
mod topology;
mod view;
mod wanted;

pub use self::events::FOLLOWERS;
pub use self::server::{Doors, Error, SOCKET, Server};
pub use self::view::{Api, Command, Done, Refused, View};
pub use self::wanted::{Wanted, Warning, wanted};
