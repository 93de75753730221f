//! CPUs: `/proc/stat`, `/proc/softirqs`, `/proc/net/softnet_stat`, `/proc/cpuinfo`.

use crate::text::{float, hex, key_value, lines, uint, uint32, words};

/// CPU time in clock ticks since boot: a `cpu` line of `/proc/stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// In user mode, guests included.
    pub user: u64,
    /// In user mode with raised niceness.
    pub nice: u64,
    /// In the kernel.
    pub system: u64,
    /// Doing nothing.
    pub idle: u64,
    /// Doing nothing while a disk request of this CPU was pending.
    pub iowait: u64,
    /// In interrupts.
    pub irq: u64,
    /// In soft interrupts.
    pub softirq: u64,
    /// Taken by the hypervisor for others.
    pub steal: u64,
}

impl Times {
    /// Time that was used by someone.
    #[must_use]
    pub fn busy(&self) -> u64 {
        [self.user, self.nice, self.system, self.irq, self.softirq, self.steal].iter().fold(0, add)
    }

    /// All time.
    #[must_use]
    pub fn all(&self) -> u64 {
        [self.busy(), self.idle, self.iowait].iter().fold(0, add)
    }
}

fn add(sum: u64, part: &u64) -> u64 {
    sum.saturating_add(*part)
}

/// Calls `each` for the sum over all CPUs (`None`) and for every CPU that is online.
pub fn stat(bytes: &[u8], mut each: impl FnMut(Option<u32>, Times)) {
    // The lines of CPUs come first; the rest of the file, above all the long line of interrupts, is not looked at.
    for line in lines(bytes).take_while(|line| line.starts_with(b"cpu")) {
        let mut words = words(line);
        let Some(name) = words.next().and_then(|name| name.strip_prefix(b"cpu")) else { continue };
        let cpu = if name.is_empty() { None } else { uint32(name) };
        if cpu.is_none() && !name.is_empty() {
            continue;
        }
        let mut next = || words.next().and_then(uint).unwrap_or_default();
        let [user, nice, system, idle] = [next(), next(), next(), next()];
        let [iowait, irq, softirq, steal] = [next(), next(), next(), next()];
        each(cpu, Times { user, nice, system, idle, iowait, irq, softirq, steal });
    }
}

/// When the host was booted, in seconds since 1970: `btime` of `/proc/stat`.
#[must_use]
pub fn boot_time(bytes: &[u8]) -> Option<u64> {
    lines(bytes).find_map(|line| uint(line.strip_prefix(b"btime ")?.trim_ascii()))
}

/// Soft interrupts of one CPU since boot, those of `/proc/softirqs` that say something about load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Softirqs {
    /// The CPU's index.
    pub cpu: u32,
    /// Timers.
    pub timer: Option<u64>,
    /// Packets received.
    pub net_rx: Option<u64>,
    /// Load balancing of the scheduler.
    pub sched: Option<u64>,
    /// Call-backs of RCU.
    pub rcu: Option<u64>,
}

/// Fills `rows` with one entry per CPU of the header, in its order; `rows` is emptied first.
pub fn softirqs(bytes: &[u8], rows: &mut Vec<Softirqs>) {
    rows.clear();
    let mut lines = lines(bytes);
    let header = lines.next().unwrap_or_default();
    let cpus = words(header).map_while(|word| uint32(word.strip_prefix(b"CPU")?));
    rows.extend(cpus.map(|cpu| Softirqs { cpu, ..Softirqs::default() }));
    for line in lines {
        let Some((name, counts)) = key_value(line) else { continue };
        let set: fn(&mut Softirqs) -> &mut Option<u64> = match name {
            b"TIMER" => |row| &mut row.timer,
            b"NET_RX" => |row| &mut row.net_rx,
            b"SCHED" => |row| &mut row.sched,
            b"RCU" => |row| &mut row.rcu,
            _ => continue,
        };
        for (row, count) in rows.iter_mut().zip(words(counts)) {
            *set(row) = uint(count);
        }
    }
}

/// One line of `/proc/net/softnet_stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Softnet {
    /// The CPU's index, which kernels before 5.10 do not tell: there line N is the Nth CPU that is online.
    pub cpu: Option<u32>,
    /// Packets dropped because the backlog was full; 32 bits wide.
    pub dropped: u64,
    /// Times this CPU was woken by another one to process packets; 32 bits wide.
    pub received_rps: Option<u64>,
}

/// Calls `each` for every CPU that is online, in the order of the lines.
pub fn softnet_stat(bytes: &[u8], mut each: impl FnMut(Softnet)) {
    for line in lines(bytes) {
        let mut columns = words(line).map(hex);
        let Some(dropped) = columns.nth(1).flatten() else { continue };
        let received_rps = columns.nth(7).flatten();
        let cpu = columns.nth(2).flatten().and_then(|cpu| u32::try_from(cpu).ok());
        each(Softnet { cpu, dropped, received_rps });
    }
}

/// Calls `each` with the index and the clock rate in MHz of every CPU that `/proc/cpuinfo` gives one for. Other
/// architectures than x86 give none.
pub fn mhz(bytes: &[u8], mut each: impl FnMut(u32, f64)) {
    let mut cpu = None;
    for (key, value) in lines(bytes).filter_map(key_value) {
        match key {
            b"processor" => cpu = uint32(value),
            b"cpu MHz" => {
                if let (Some(cpu), Some(mhz)) = (cpu, float(value).filter(|mhz| *mhz > 0.0)) {
                    each(cpu, mhz);
                }
            }
            _ => {}
        }
    }
}

/// True when the CPU says that a hypervisor is below it (x86: the flag `hypervisor`).
#[must_use]
pub fn has_hypervisor_flag(bytes: &[u8]) -> bool {
    let flags = lines(bytes).filter_map(key_value).find(|(key, _)| *key == b"flags");
    flags.is_some_and(|(_, flags)| words(flags).any(|flag| flag == b"hypervisor"))
}

#[cfg(test)]
mod tests;
