//! The gala-gopher agent.
//!
//! ```text
//!                 probe.toml (one per folder)        gala-gopher.conf
//!                          │                                │
//!   probes/*  ────┐        ▼                                ▼
//!   extend-probes │     catalog ───────> supervise <──── config
//!                 └─ child processes <──────┘  (processes: contain)
//!                          │ stdout: |table|f1|f2|…|
//!                          ▼
//!                       ingest ──> store (+ enrich) ──┬─ Snapshot ──> export::prometheus
//!                                                     └─ Records  ──> (exporters that push)
//! ```
//!
//! `app` joins the stages and is the only one that names several of them; `cargo xtask check` holds the arrows.

pub mod app;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contain;
pub mod control;
pub mod ctl;
mod dirwatch;
pub mod enrich;
pub mod export;
pub mod import;
pub mod ingest;
pub mod listen;
pub mod rundir;
pub mod shutdown;
pub mod store;
pub mod supervise;
pub mod sync;
pub mod telemetry;
pub mod tls;
pub mod topology;
