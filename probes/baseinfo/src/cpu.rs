//! Item `cpu`: time by state, soft interrupts, backlog, clock rate.

use gopher_procfs::FileReader;
use gopher_procfs::cpu::{self, Softirqs, Softnet, Times};
use probe_sdk::Context;

use crate::alarms::{Alarm, Subject};
use crate::collect::Collector;
use crate::shared::Shared;

/// Tables `system_cpu` and `system_cpu_util`.
#[derive(Debug)]
pub(crate) struct Cpu {
    stat: FileReader,
    softirqs: FileReader,
    softnet: FileReader,
    cpuinfo: FileReader,
    times: Vec<(Option<u32>, Times)>,
    times_before: Vec<(Option<u32>, Times)>,
    soft: Vec<Softirqs>,
    backlog: Vec<Softnet>,
    mhz: Vec<(u32, f64)>,
}

impl Cpu {
    pub(crate) fn new(shared: &Shared) -> Self {
        Self {
            stat: shared.reader("/proc/stat"),
            softirqs: shared.reader("/proc/softirqs"),
            softnet: FileReader::new(shared.root.net("softnet_stat")),
            cpuinfo: shared.reader("/proc/cpuinfo"),
            times: Vec::new(),
            times_before: Vec::new(),
            soft: Vec::new(),
            backlog: Vec::new(),
            mhz: Vec::new(),
        }
    }

    fn read(&mut self, shared: &mut Shared) {
        std::mem::swap(&mut self.times, &mut self.times_before);
        self.times.clear();
        self.soft.clear();
        self.backlog.clear();
        self.mhz.clear();
        if let Some(text) = shared.read(&mut self.stat) {
            cpu::stat(text, |index, times| self.times.push((index, times)));
        }
        if let Some(text) = shared.read(&mut self.softirqs) {
            cpu::softirqs(text, &mut self.soft);
        }
        if let Some(text) = shared.read(&mut self.softnet) {
            cpu::softnet_stat(text, |line| self.backlog.push(line));
        }
        if let Some(text) = shared.read(&mut self.cpuinfo) {
            cpu::mhz(text, |index, mhz| self.mhz.push((index, mhz)));
        }
    }

    /// The sample before, which stands at the same place unless a CPU came or went.
    fn before(&self, place: usize, index: Option<u32>) -> Option<&Times> {
        let same = |entry: &&(Option<u32>, Times)| entry.0 == index;
        let hint = self.times_before.get(place).filter(same);
        hint.or_else(|| self.times_before.iter().find(same)).map(|(_, times)| times)
    }

    fn send_cpu(&self, index: u32, nth: usize, util: Option<f64>, at: Sending<'_>) -> anyhow::Result<()> {
        let soft = by_index(&self.soft, nth, |soft| soft.cpu == index);
        let backlog = backlog_of(&self.backlog, nth, index);
        let mhz = by_index(&self.mhz, nth, |(cpu, _)| *cpu == index).map(|(_, mhz)| *mhz);
        let ms = |ticks| at.shared.system.milliseconds(ticks);
        let row = at.ctx.row("system_cpu")?.set("cpu", index);
        let row = row.set("rcu", soft.and_then(|soft| soft.rcu));
        let row = row.set("timer", soft.and_then(|soft| soft.timer));
        let row = row.set("sched", soft.and_then(|soft| soft.sched));
        let row = row.set("net_rx", soft.and_then(|soft| soft.net_rx));
        let row = row.set("user_msec", ms(at.times.user)).set("nice_msec", ms(at.times.nice));
        let row = row.set("system_msec", ms(at.times.system)).set("idle_msec", ms(at.times.idle));
        let row = row.set("iowait_msec", ms(at.times.iowait)).set("irq_msec", ms(at.times.irq));
        let row = row.set("softirq_msec", ms(at.times.softirq)).set("steal_msec", ms(at.times.steal));
        let row = row.set("backlog_drops", backlog.map(|line| line.dropped));
        let row = row.set("rps_count", backlog.and_then(|line| line.received_rps));
        row.set("util_per", util).set("mhz", mhz).send()?;
        Ok(())
    }
}

struct Sending<'a> {
    shared: &'a Shared,
    ctx: &'a mut Context,
    times: &'a Times,
}

impl Collector for Cpu {
    fn collect(&mut self, shared: &mut Shared, ctx: &mut Context) -> anyhow::Result<()> {
        self.read(shared);
        let mut nth = 0;
        for (place, (index, times)) in self.times.iter().enumerate() {
            let util = self.before(place, *index).and_then(|before| utilisation(before, times));
            if let Some(index) = index {
                self.send_cpu(*index, nth, util, Sending { shared, ctx, times })?;
                nth += 1;
            } else {
                ctx.row("system_cpu_util")?.set("cpu", "cpu").set("total_used_per", util).send()?;
                shared.alarms.share(Alarm::Cpu, Subject::of("cpu"), util, ctx)?;
            }
        }
        Ok(())
    }
}

/// The entry of a CPU: mostly the Nth, as all CPUs are online.
fn by_index<T>(entries: &[T], nth: usize, is_it: impl Fn(&T) -> bool) -> Option<&T> {
    entries.get(nth).filter(|entry| is_it(entry)).or_else(|| entries.iter().find(|entry| is_it(entry)))
}

/// The backlog of a CPU: by its index, or by its place among the CPUs that are online where the kernel gives none.
fn backlog_of(lines: &[Softnet], nth: usize, index: u32) -> Option<&Softnet> {
    match lines.first()?.cpu {
        Some(_) => by_index(lines, nth, |line| line.cpu == Some(index)),
        None => lines.get(nth),
    }
}

/// Percent of the time between two samples that was used; `None` when no time has passed.
fn utilisation(before: &Times, now: &Times) -> Option<f64> {
    // Idle and iowait can go back a little, so that parts are compared and not sums.
    let parts = |times: &Times| {
        [
            times.user,
            times.nice,
            times.system,
            times.irq,
            times.softirq,
            times.steal,
            times.idle,
            times.iowait,
        ]
    };
    let mut used = 0;
    let mut all = 0;
    for (part, (before, now)) in parts(before).into_iter().zip(parts(now)).enumerate() {
        let passed = now.saturating_sub(before);
        all += passed;
        used += if part < 6 { passed } else { 0 };
    }
    crate::shared::percent(used, all)
}

#[cfg(test)]
mod tests;
