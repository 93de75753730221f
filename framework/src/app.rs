//! The application: joins the stages, keeps them in step with configuration and catalog, and takes them down again.

mod check;
mod control;
mod endpoint;
mod exporters;
mod files;
mod folders;
pub(crate) mod plan;
mod readiness;
mod reload;
mod runtime;
mod scopes;
mod service;
mod start;
mod status;

use std::path::Path;

use anyhow::Context;

pub use self::check::{Checked, check, examine, folders, not_installed};
use self::start::App;
use crate::config::{LoadError, Problems};
use crate::{config, rundir, telemetry};

/// EX_TEMPFAIL of sysexits.h: another agent holds the run directory.
const HELD: u8 = 75;
/// EX_CONFIG of sysexits.h: the configuration is bad.
const BAD_CONFIG: u8 = 78;

/// Runs the agent until it is told to stop.
///
/// # Errors
/// A bad configuration, a run directory that another agent holds, an address in use; [`exit_code`] tells them apart.
pub fn run(path: &Path) -> anyhow::Result<()> {
    let loaded = config::load(path)?;
    let agent = &loaded.config.agent;
    let format = match agent.log_format {
        config::LogFormat::Text => telemetry::Format::Text,
        config::LogFormat::Json => telemetry::Format::Json,
    };
    let level = telemetry::init(reload::level(agent.log_level), format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4)))
        .max_blocking_threads(8)
        .thread_name("agent")
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let app = App::start(loaded, path, level).await?;
        app.run().await
    })
}

/// The exit code for an error of [`run`] or [`check`].
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<LoadError>() || error.is::<Problems>() {
        return BAD_CONFIG;
    }
    match error.downcast_ref::<rundir::Error>() {
        Some(rundir::Error::Held { .. }) => HELD,
        _ => 1,
    }
}
