//! Names and numbers of capabilities, and which of them the agent may hand on.

use std::fs;

/// By number, from `linux/capability.h`.
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

pub(super) const SETPCAP: u32 = 8;
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// A set of capabilities, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CapSet(pub(super) u64);

impl CapSet {
    pub(super) fn has(self, number: u32) -> bool {
        number < u64::BITS && self.0 & (1 << number) != 0
    }

    /// CAP_BPF, or what stands for it before Linux 5.8.
    pub(super) fn may_load_bpf(self) -> bool {
        self.has(BPF) || self.has(SYS_ADMIN)
    }

    pub(super) fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What the kernel knows and what the agent holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Available {
    /// The highest number that the kernel knows.
    pub(super) last: u32,
    /// What the agent has and may pass on: permitted and in the bounding set.
    pub(super) held: CapSet,
}

impl Available {
    pub(super) fn now() -> Self {
        let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        Self { last: last.trim().parse().unwrap_or(BPF - 2), held: CapSet(held(&status)) }
    }

    /// Which of these names the agent may hand on, and the names of those that it does not hold or the kernel does not
    /// know. A kernel that does not know `CAP_BPF` and `CAP_PERFMON` (before 5.8) asks for `CAP_SYS_ADMIN` in their place.
    pub(super) fn resolve(self, names: &[String]) -> (CapSet, Vec<&str>) {
        let (mut set, mut missing) = (0, Vec::new());
        for name in names {
            match number(name).map(|number| self.on_this_kernel(number)) {
                Some(number) if number <= self.last && self.held.has(number) => set |= 1 << number,
                _ => missing.push(name.as_str()),
            }
        }
        (CapSet(set), missing)
    }

    fn on_this_kernel(self, number: u32) -> u32 {
        if number > self.last && matches!(number, PERFMON | BPF) { SYS_ADMIN } else { number }
    }
}

fn number(name: &str) -> Option<u32> {
    NAMES.iter().position(|known| *known == name).and_then(|at| u32::try_from(at).ok())
}

/// The lines `CapPrm` and `CapBnd` of `/proc/PID/status` (proc(5)), in hexadecimal.
fn held(status: &str) -> u64 {
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        found.and_then(|rest| u64::from_str_radix(rest.trim(), 16).ok()).unwrap_or(0)
    };
    line("CapPrm:") & line("CapBnd:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn named_ones_become_bits() {
        let available = Available { last: 40, held: CapSet(u64::MAX) };
        assert_eq!(available.resolve(&names(&["CAP_BPF", "CAP_CHOWN"])), (CapSet(1 << 39 | 1), vec![]));
    }

    #[test]
    fn old_kernel_gets_sys_admin_in_their_place() {
        let available = Available { last: 37, held: CapSet((1 << 38) - 1) };
        assert_eq!(available.resolve(&names(&["CAP_BPF", "CAP_PERFMON"])), (CapSet(1 << 21), vec![]));
    }

    #[test]
    fn what_is_not_held_or_not_known_is_named_beside_what_is() {
        let available = Available { last: 40, held: CapSet(1) };
        let asked = names(&["CAP_CHOWN", "CAP_NET_RAW", "CAP_NOTHING"]);
        assert_eq!(available.resolve(&asked), (CapSet(1), vec!["CAP_NET_RAW", "CAP_NOTHING"]));
    }

    #[test]
    fn held_is_what_is_permitted_and_bounded() {
        assert_eq!(held("CapInh:\t00\nCapPrm:\t00000000000000f0\nCapBnd:\t000000000000003c\n"), 0x30);
    }
}
