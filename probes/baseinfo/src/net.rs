//! Item `net`: TCP and UDP totals.

use gopher_procfs::FileReader;
use gopher_procfs::net::snmp;
use probe_sdk::Context;

use crate::collect::Collector;
use crate::shared::Shared;

/// The key of both tables.
const ORIGIN: &str = "/proc/net/snmp";

/// Tables `system_tcp` and `system_udp`.
#[derive(Debug)]
pub(crate) struct Net {
    snmp: FileReader,
}

impl Net {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self { snmp: FileReader::new(shared.root.net("snmp")) }
    }
}

impl Collector for Net {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        let Some(found) = shared.read(&mut self.snmp).map(snmp) else { return Ok(()) };
        let row = ctx.row("system_tcp")?.set("origin", ORIGIN);
        let row = row.set("tcp_curr_estab", found.tcp_curr_estab).set("tcp_in_segs", found.tcp_in_segs);
        let row = row.set("tcp_out_segs", found.tcp_out_segs);
        let row = row.set("tcp_retrans_segs", found.tcp_retrans_segs);
        row.set("tcp_in_errs", found.tcp_in_errs).send()?;
        let row = ctx.row("system_udp")?.set("origin", ORIGIN);
        let row = row.set("udp_indata_grams", found.udp_in_datagrams);
        row.set("udp_outdata_grams", found.udp_out_datagrams).send()?;
        Ok(())
    }
}
