//! Item `nic`: traffic, errors and queues of network devices.

mod qdisc;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gopher_procfs::FileReader;
use gopher_procfs::net::{Device, devices};
use nix::net::if_::if_nametoindex;
use probe_sdk::Context;

use self::qdisc::{Qdisc, Qdiscs};
use crate::collect::Collector;
use crate::previous::Previous;
use crate::shared::{Shared, per_second};

/// Table `nic`.
#[derive(Debug)]
pub(crate) struct Nic {
    dev: FileReader,
    sys: PathBuf,
    /// By name: whether it is a physical device. Kept while the device is there.
    physical: HashMap<String, bool>,
    previous: Previous<Device>,
    read_at: Option<Instant>,
    qdiscs: Qdiscs,
}

/// A device and what the period says about it.
struct Reading {
    now: Device,
    before: Option<Device>,
    qdisc: Option<Qdisc>,
    elapsed: Duration,
}

impl Nic {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            dev: FileReader::new(shared.root.net("dev")),
            sys: shared.root.path("/sys/class/net"),
            physical: HashMap::new(),
            previous: Previous::default(),
            read_at: None,
            qdiscs: Qdiscs::new(&shared.root),
        }
    }
}

impl Collector for Nic {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        self.qdiscs.read(&mut shared.reports);
        let Some(text) = shared.read(&mut self.dev) else { return Ok(()) };
        let now = Instant::now();
        let elapsed = self.read_at.replace(now).map(|before| now.duration_since(before)).unwrap_or_default();
        let mut count = 0;
        devices(text, |name, _| {
            learn(&mut self.physical, &self.sys, name);
            count += 1;
        });
        if self.physical.len() > count {
            self.physical.retain(|name, _| contains(text, name));
        }
        let any_physical = self.physical.values().any(|physical| *physical);
        let mut outcome = Ok(());
        devices(text, |name, device| {
            let Ok(name) = std::str::from_utf8(name) else { return };
            if !is_shown(name, self.physical.get(name).copied(), any_physical) {
                return;
            }
            let before = self.previous.swap(name.as_bytes(), device);
            let qdisc = self.qdiscs.usable().then(|| if_nametoindex(name).ok()).flatten();
            let qdisc = qdisc.and_then(|index| self.qdiscs.of(index));
            if outcome.is_ok() {
                outcome = send(&self.sys, name, &Reading { now: device, before, qdisc, elapsed }, ctx);
            }
        });
        self.previous.end_round();
        outcome
    }
}

fn contains(text: &[u8], wanted: &str) -> bool {
    let mut found = false;
    devices(text, |name, _| found |= name == wanted.as_bytes());
    found
}

/// Physical devices are shown. A container or network namespace may have none: there all but the loopback are.
fn is_shown(name: &str, physical: Option<bool>, any_physical: bool) -> bool {
    if any_physical { physical == Some(true) } else { name != "lo" }
}

fn learn(physical: &mut HashMap<String, bool>, sys: &Path, name: &[u8]) {
    let Ok(name) = std::str::from_utf8(name) else { return };
    if !physical.contains_key(name) {
        physical.insert(name.to_owned(), is_physical(&sys.join(name)));
    }
}

/// A device whose place is known and not below `devices/virtual/net`.
fn is_physical(link: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|target| !target.to_string_lossy().contains("/devices/virtual/net/"))
}

fn send(sys: &Path, name: &str, reading: &Reading, ctx: &mut Context) -> anyhow::Result<()> {
    let (now, qdisc) = (&reading.now, reading.qdisc);
    let status = std::fs::read_to_string(sys.join(name).join("operstate")).unwrap_or_default();
    let row = ctx.row("nic")?.set("dev_name", name).set("status", &status.trim().to_ascii_uppercase());
    let row = row.set("rx_bytes", now.rx_bytes).set("rx_packets", now.rx_packets);
    let row = row.set("rx_errs", now.rx_errs).set("rx_dropped", now.rx_dropped);
    let row = row.set("tx_bytes", now.tx_bytes).set("tx_packets", now.tx_packets);
    let row = row.set("tx_errs", now.tx_errs).set("tx_dropped", now.tx_dropped);
    let row = row.set("rxspeed_KB", speed(reading, |device| device.rx_bytes));
    let row = row.set("txspeed_KB", speed(reading, |device| device.tx_bytes));
    let row = row.set("tc_sent_drop", qdisc.map(|qdisc| qdisc.drops));
    let row = row.set("tc_sent_overlimits", qdisc.map(|qdisc| qdisc.overlimits));
    let row = row.set("tc_backlog", qdisc.map(|qdisc| qdisc.backlog));
    row.set("tc_ecn_mark", qdisc.and_then(|qdisc| qdisc.ecn_marks)).send()?;
    Ok(())
}

fn speed(reading: &Reading, bytes: fn(&Device) -> u64) -> Option<f64> {
    let rate = per_second(bytes(reading.before.as_ref()?), bytes(&reading.now), reading.elapsed)?;
    Some(rate / 1024.0)
}

#[cfg(test)]
mod tests;
