//! What a Rust probe links: its `main`, configuration updates, a tick without drift, rows and a clean stop.
//!
//! ```text
//!   stdin ──> input ──> config ──┐
//!   TERM  ──> input              ├──> Context::next() ──> the probe's loop ──> Context::row() ──> output ──> stdout
//!   clock ──> schedule ──────────┘
//! ```
//!
//! A whole probe:
//!
//! ```no_run
//! use probe_sdk::{Context, Wake};
//!
//! fn run(ctx: &mut Context) -> anyhow::Result<()> {
//!     while let Some(wake) = ctx.next()? {
//!         if wake == Wake::Tick && ctx.item("load") {
//!             ctx.row("load")?.set("host", "here").set("load1", 0.5).send()?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     probe_sdk::main(include_str!("../doc/example.toml"), run)
//! }
//! ```
//!
//! Invariant: one thread, and nothing here starts another one.

mod config;
mod context;
mod error;
mod input;
mod output;
mod row;
mod schedule;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::io::Write;
use std::process::ExitCode;

pub use gopher_protocol as protocol;

pub use self::config::{Config, Running};
pub use self::context::{Context, Wake};
pub use self::error::{Error, Unsupported};
pub use self::row::{Row, Value};

/// Exit status that tells the agent: this cannot work here, do not restart it.
const EXIT_UNSUPPORTED: u8 = 78;

/// Runs a probe: parses its manifest (the text of its `probe.toml`), hands a [`Context`] to `run` and turns the
/// outcome into an exit status: 0 stopped as asked or done, 78 an [`Unsupported`] in the chain, 1 anything else
/// (the chain of causes goes to stderr).
pub fn main(manifest: &str, run: impl FnOnce(&mut Context) -> anyhow::Result<()>) -> ExitCode {
    let outcome = Context::from_process(manifest).map_err(anyhow::Error::from).and_then(|mut ctx| {
        run(&mut ctx)?;
        ctx.flush()?;
        Ok(())
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if matches!(error.downcast_ref(), Some(Error::Stopped)) => ExitCode::SUCCESS,
        Err(error) => {
            log(format_args!("{error:#}"));
            if error.downcast_ref::<Unsupported>().is_some() {
                ExitCode::from(EXIT_UNSUPPORTED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Writes one line to the agent's log, by way of stderr.
pub fn log(message: std::fmt::Arguments<'_>) {
    // One write per line, so that lines of several threads do not mix. Where stderr is closed nobody can be told.
    std::io::stderr().write_all(format!("{message}\n").as_bytes()).ok();
}
