//! Without usable eBPF: the tables from dumps of all sockets (`inet_diag`) and from `/proc`.
//!
//! ```text
//!   processes ──> namespaces ──> dumps ──> track ──> sums ──> rows
//!                     └──> counters of /proc/PID/net ┘
//! ```

mod capabilities;
mod host;
mod namespace;
mod observe;
mod processes;
mod rows;
mod sums;
mod track;

use std::time::Duration;

use probe_sdk::{Context, Wake};

use self::host::Host;
use crate::timer::Timer;

/// Time between two looks at all sockets where only `socket` runs.
const LOOK: Duration = Duration::from_secs(5);

/// Serves the probes until told to stop. `why`: for what reason not by eBPF.
pub(crate) fn run(ctx: &mut Context, why: &str) -> anyhow::Result<()> {
    probe_sdk::log(format_args!("values come from dumps of all sockets, not from eBPF: {why}"));
    let mut host = Host::open()?;
    capabilities::tell(ctx, why)?;
    let mut timer = Timer::new()?;
    ctx.watch(timer.fd())?;
    ctx.ready()?;
    while let Some(wake) = ctx.next()? {
        match wake {
            Wake::Configured => {
                host.configure(ctx);
                timer.every(ctx.param_u64("sample_period").map_or(LOOK, Duration::from_millis))?;
            }
            Wake::Readable => {
                timer.taken();
                host.look();
            }
            Wake::Tick => {
                host.look();
                rows::write(ctx, &host)?;
                host.tell_losses(ctx)?;
                host.end_period();
            }
        }
    }
    Ok(())
}
