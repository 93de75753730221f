//! With the programs: configured as the agent asks, swept between two reports, their sums written as rows.

use std::time::Duration;

use gopher_procfs::Root;
use probe_sdk::{Context, Wake};

use crate::programs::Programs;
use crate::rows;
use crate::services::Services;
use crate::timer::Timer;

/// Time between two looks at all connections where only `socket` runs.
const SWEEP: Duration = Duration::from_secs(5);

/// Serves the probes until told to stop.
pub(crate) fn run(ctx: &mut Context, mut programs: Programs) -> anyhow::Result<()> {
    programs.report(ctx)?;
    let mut services = Services::new(Root::from_env());
    let mut timer = Timer::new()?;
    ctx.watch(timer.fd())?;
    ctx.ready()?;
    while let Some(wake) = ctx.next()? {
        match wake {
            Wake::Configured => {
                programs.configure(ctx)?;
                services.configure(ctx);
                timer.every(ctx.param_u64("sample_period").map_or(SWEEP, Duration::from_millis))?;
            }
            Wake::Readable => {
                timer.taken();
                programs.sweep()?;
                services.refresh();
            }
            Wake::Tick => {
                programs.complete()?;
                rows::write(ctx, &mut programs, &mut services)?;
                programs.tell_losses(ctx)?;
                services.tell_losses(ctx)?;
            }
        }
    }
    Ok(())
}
