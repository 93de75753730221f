//! Item `nic`: traffic, errors and queues of network devices.

mod qdisc;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gopher_procfs::net::{Device, devices};
use gopher_procfs::{Buffer, FileReader};
use nix::net::if_::if_nametoindex;
use probe_sdk::Context;

use self::qdisc::{Qdisc, Qdiscs};
use crate::alarms::{Alarm, Alarms, Subject};
use crate::collect::Collector;
use crate::previous::Previous;
use crate::shared::{Shared, per_second};

/// Table `nic`.
#[derive(Debug)]
pub(crate) struct Nic {
    dev: FileReader,
    sys: PathBuf,
    /// By name, kept while the device is there.
    places: HashMap<String, Place>,
    previous: Previous<Device>,
    read_at: Option<Instant>,
    qdiscs: Qdiscs,
    status: Status,
}

/// Where a device stands in /sys.
#[derive(Debug)]
struct Place {
    physical: bool,
    operstate: PathBuf,
}

/// Reads the state of one device after the other.
#[derive(Debug, Default)]
struct Status {
    buffer: Buffer,
    capitals: String,
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
            places: HashMap::new(),
            previous: Previous::default(),
            read_at: None,
            qdiscs: Qdiscs::new(&shared.root),
            status: Status::default(),
        }
    }
}

impl Collector for Nic {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        self.qdiscs.read(&mut shared.reports);
        let alarms = shared.alarms;
        let Some(text) = shared.read(&mut self.dev) else { return Ok(()) };
        let now = Instant::now();
        let elapsed = self.read_at.replace(now).map(|before| now.duration_since(before)).unwrap_or_default();
        let mut count = 0;
        devices(text, |name, _| {
            learn(&mut self.places, &self.sys, name);
            count += 1;
        });
        if self.places.len() > count {
            self.places.retain(|name, _| contains(text, name));
        }
        let any_physical = self.places.values().any(|place| place.physical);
        let mut outcome = Ok(());
        devices(text, |name, device| {
            let Ok(name) = std::str::from_utf8(name) else { return };
            let Some(place) = self.places.get(name) else { return };
            if !is_shown(name, place.physical, any_physical) {
                return;
            }
            let before = self.previous.swap(name.as_bytes(), device);
            let qdisc = self.qdiscs.usable().then(|| if_nametoindex(name).ok()).flatten();
            let qdisc = qdisc.and_then(|index| self.qdiscs.of(index));
            if outcome.is_ok() {
                let status = self.status.read(&place.operstate);
                let reading = Reading { now: device, before, qdisc, elapsed };
                outcome = send(name, status, &reading, ctx).and_then(|()| alarm(name, &reading, alarms, ctx));
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
fn is_shown(name: &str, physical: bool, any_physical: bool) -> bool {
    if any_physical { physical } else { name != "lo" }
}

fn learn(places: &mut HashMap<String, Place>, sys: &Path, name: &[u8]) {
    let Ok(name) = std::str::from_utf8(name) else { return };
    if !places.contains_key(name) {
        let folder = sys.join(name);
        let place = Place { physical: is_physical(&folder), operstate: folder.join("operstate") };
        places.insert(name.to_owned(), place);
    }
}

impl Status {
    /// The state in capitals; empty where it cannot be read, above all because the device has just gone.
    fn read(&mut self, operstate: &Path) -> &str {
        // Opened each time: an open file would follow a device that is renamed.
        let text = self.buffer.read(operstate).unwrap_or_default();
        self.capitals.clear();
        self.capitals.extend(text.trim_ascii().iter().map(|byte| char::from(byte.to_ascii_uppercase())));
        &self.capitals
    }
}

/// A device whose place is known and not below `devices/virtual/net`.
fn is_physical(link: &Path) -> bool {
    std::fs::read_link(link).is_ok_and(|target| !target.to_string_lossy().contains("/devices/virtual/net/"))
}

fn send(name: &str, status: &str, reading: &Reading, ctx: &mut Context) -> anyhow::Result<()> {
    let (now, qdisc) = (&reading.now, reading.qdisc);
    let row = ctx.row("nic")?.set("dev_name", name).set("status", status);
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

fn alarm(name: &str, reading: &Reading, alarms: Alarms, ctx: &mut Context) -> anyhow::Result<()> {
    let Some(before) = &reading.before else { return Ok(()) };
    let now = &reading.now;
    let totals = [
        (Alarm::RxDropped, before.rx_dropped, now.rx_dropped),
        (Alarm::TxDropped, before.tx_dropped, now.tx_dropped),
        (Alarm::RxErrors, before.rx_errs, now.rx_errs),
        (Alarm::TxErrors, before.tx_errs, now.tx_errs),
    ];
    for (alarm, before, now) in totals {
        alarms.count(alarm, Subject::device(name), now.checked_sub(before), ctx)?;
    }
    Ok(())
}

fn speed(reading: &Reading, bytes: fn(&Device) -> u64) -> Option<f64> {
    let rate = per_second(bytes(reading.before.as_ref()?), bytes(&reading.now), reading.elapsed)?;
    Some(rate / 1024.0)
}

#[cfg(test)]
mod tests;
