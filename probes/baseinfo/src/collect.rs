//! Runs the items that are on; one that fails is reported and leaves the others running.

use probe_sdk::Context;

use crate::alarms::Alarms;
use crate::shared::Shared;
use crate::{cpu, disk, fs, host, mem, net, nic, proc};

/// One item: reads its sources and sends its rows.
pub(crate) trait Collector {
    /// Called once per period. A source that cannot be read is reported by [`Shared`] and leaves its values absent;
    /// an error ends the item's work for this period only.
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()>;
}

type Make = fn(&Shared) -> Box<dyn Collector>;

/// The items of the manifest, in its order.
const ITEMS: [(&str, Make); 8] = [
    ("cpu", |shared| Box::new(cpu::Cpu::new(shared))),
    ("mem", |shared| Box::new(mem::Mem::new(shared))),
    ("nic", |shared| Box::new(nic::Nic::new(shared))),
    ("net", |shared| Box::new(net::Net::new(shared))),
    ("disk", |shared| Box::new(disk::Disk::new(shared))),
    ("fs", |shared| Box::new(fs::Fs::new(shared))),
    ("proc", |shared| Box::new(proc::Proc::new(shared))),
    ("host", |shared| Box::new(host::Host::new(shared))),
];

/// The items that are on, with what they remember.
pub(crate) struct Collectors {
    shared: Shared,
    running: [Option<Box<dyn Collector>>; ITEMS.len()],
}

impl Collectors {
    /// Nothing is on before the first configuration.
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, running: Default::default() }
    }

    /// Makes what was switched on and drops what was switched off; what stays on keeps its previous samples.
    pub(crate) fn configure(&mut self, ctx: &Context) {
        self.shared.alarms = Alarms::configured(ctx);
        for ((name, make), place) in ITEMS.iter().zip(&mut self.running) {
            if !ctx.item(name) {
                *place = None;
            } else if place.is_none() {
                *place = Some(make(&self.shared));
            }
        }
    }

    /// Collects once. Fails only when the rows cannot be sent.
    pub(crate) fn tick(&mut self, ctx: &mut Context) -> anyhow::Result<()> {
        for ((name, _), place) in ITEMS.iter().zip(&mut self.running) {
            let Some(collector) = place else { continue };
            match collector.collect(&mut self.shared, ctx) {
                Ok(()) => self.shared.reports.works(name),
                Err(error) if error.downcast_ref::<probe_sdk::Error>().is_some() => return Err(error),
                Err(error) => self.shared.reports.failed(name, &format_args!("{error:#}")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
