//! The contract between the agent and its probes (protocol 1), in both directions and without any I/O.
//!
//! ```text
//!   probe.toml ──> manifest::Manifest ──> table::Table
//!                                             │
//!   probe:  encode::LineWriter ── |table|f1|f2|…| ──> decode::Decoder  :agent
//!   probe:  control::ConfigMessage <── one JSON object a line ──────   :agent
//! ```
//!
//! Invariant: nothing here opens a file, a socket or a process, and nothing here is `unsafe`.
#![forbid(unsafe_code)]

pub mod control;
pub mod decode;
pub mod encode;
mod escape;
pub mod event;
pub mod histogram;
pub mod manifest;
pub mod notice;
pub mod number;
pub mod reject;
pub mod table;

/// The protocol version that this crate speaks; a manifest that asks for more is refused.
pub const PROTOCOL: u32 = 1;

/// The longest line in bytes, its newline included. A longer one is one rejected line.
pub const MAX_LINE: usize = 64 * 1024;
