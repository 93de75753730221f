//! Prometheus pulls: `GET /metrics`, rendered from an immutable snapshot and cached while nothing has changed.
//!
//! ```text
//!   request ──> server ──> page ──┬─ families: table ──> text per metric (cached per table version)
//!                                 ├─ own: the agent's metrics (fresh at every scrape)
//!                                 └─ gzip: compressed tables (cached) + compressed own part
//! ```

mod body;
pub(in crate::export) mod families;
mod filter;
mod format;
mod gzip;
mod own;
mod page;
mod render;
pub(in crate::export) mod series;
mod server;
mod text;
mod upstream;

pub use self::filter::Filter;
pub use self::format::{Exposition, Format};
pub use self::page::{Page, Pages, Rest};
pub use self::server::{Endpoint, Readiness, metrics, serve};
