//! What this process may do: its capabilities, in the words of who can grant them.

use std::fs;

/// A capability (`linux/capability.h`) without which something cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// `CAP_DAC_READ_SEARCH`.
    DacReadSearch = 2,
    /// `CAP_SYS_PTRACE`.
    SysPtrace = 19,
    /// `CAP_SYS_ADMIN`.
    SysAdmin = 21,
    /// `CAP_PERFMON`, from Linux 5.8 on.
    Perfmon = 38,
    /// `CAP_BPF`, from Linux 5.8 on.
    Bpf = 39,
}

impl Right {
    fn name(self) -> &'static str {
        match self {
            Self::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        }
    }
}

/// Which of these this process lacks, and what helps; `None` where it has them all.
#[must_use]
pub fn missing(rights: &[Right]) -> Option<String> {
    told(&absent(effective(), rights))
}

/// Why programs cannot be loaded, as far as capabilities of this process tell.
pub(crate) fn lacks() -> Option<String> {
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    told(&for_programs(effective(), last.trim().parse().unwrap_or(u32::MAX)))
}

/// `CAP_SYS_ADMIN` stands for both of the newer ones, which kernels before 5.8 do not know.
fn for_programs(held: u64, last: u32) -> Vec<Right> {
    if absent(held, &[Right::SysAdmin]).is_empty() {
        return Vec::new();
    }
    let needed: &[_] =
        if last < Right::Bpf as u32 { &[Right::SysAdmin] } else { &[Right::Bpf, Right::Perfmon] };
    absent(held, needed)
}

fn absent(held: u64, rights: &[Right]) -> Vec<Right> {
    rights.iter().copied().filter(|right| held & (1 << *right as u32) == 0).collect()
}

fn told(absent: &[Right]) -> Option<String> {
    let names: Vec<_> = absent.iter().map(|right| right.name()).collect();
    let (verb, them) = if names.len() == 1 { ("is", "it") } else { ("are", "them") };
    let names = names.join(" and ");
    (!absent.is_empty()).then(|| format!("{names} {verb} missing: grant {them} to the agent"))
}

/// The line `CapEff` of `/proc/PID/status` (proc(5)); all where it cannot be read, so that trying tells.
fn effective() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYS_ADMIN: u64 = 1 << 21;

    #[test]
    fn what_programs_need_and_is_not_held_is_named_as_the_kernel_knows_it() {
        assert_eq!(for_programs(0, 40), [Right::Bpf, Right::Perfmon]);
        assert_eq!(for_programs(1 << 39, 40), [Right::Perfmon]);
        assert_eq!(for_programs(0, 37), [Right::SysAdmin]);
        for held in [SYS_ADMIN, 1 << 39 | 1 << 38] {
            assert_eq!(for_programs(held, 40), []);
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_helps() {
        assert_eq!(told(&[]), None);
        let one = told(&[Right::Bpf]).unwrap();
        assert_eq!(one, "CAP_BPF is missing: grant it to the agent");
        let two = told(&[Right::Bpf, Right::Perfmon]).unwrap();
        assert_eq!(two, "CAP_BPF and CAP_PERFMON are missing: grant them to the agent");
    }
}
