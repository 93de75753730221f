//! What can be told about this kernel without trying: its types, its sources of events, its control groups.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::{Func, Typedef};

/// Types of the kernel that runs, where it says so itself.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";
/// Where an operator puts the types of kernels that do not, as `RELEASE.btf`.
const BTF_FOLDER: &str = "/etc/gala-gopher/btf";
/// There where the kernel has kprobes.
const KPROBES: &str = "/sys/bus/event_source/devices/kprobe";

/// The kernel that runs.
#[derive(Debug)]
pub(crate) struct Host {
    /// Megabytes.
    pub(crate) types: Option<Btf<'static>>,
    /// A file to hand to libbpf, which finds the kernel's own types itself.
    pub(crate) btf_file: Option<PathBuf>,
    kprobes: bool,
    /// The root of the control groups of version 2, to attach to.
    pub(crate) cgroup: Option<File>,
}

impl Host {
    pub(crate) fn look() -> Self {
        let btf_file = (!Path::new(KERNEL_BTF).exists()).then(btf_file).flatten();
        let types = Btf::from_path(btf_file.as_deref().unwrap_or(Path::new(KERNEL_BTF))).ok();
        Self { types, btf_file, kprobes: Path::new(KPROBES).exists(), cgroup: cgroup_root() }
    }

    /// Why there can be no programs that know the kernel's types; `None` where there can.
    pub(crate) fn lacks_types(&self) -> Option<String> {
        let release = release();
        self.types.is_none().then(|| {
            format!("no types of this kernel: neither {KERNEL_BTF} (CONFIG_DEBUG_INFO_BTF) nor {BTF_FOLDER}/{release}.btf")
        })
    }

    /// Why a program for this section cannot work, as far as it can be told without trying.
    pub(crate) fn refuses(&self, section: &str) -> Option<String> {
        let (kind, target) = section.split_once('/').unwrap_or((section, ""));
        let types = self.types.as_ref()?;
        let has_function = |name: &str| types.type_by_name::<Func<'_>>(name).is_some();
        match kind {
            "tp_btf" | "raw_tp"
                if types.type_by_name::<Typedef<'_>>(&format!("btf_trace_{target}")).is_none() =>
            {
                Some("this kernel has no such tracepoint".to_owned())
            }
            "fentry" | "fexit" if !has_function(target) => {
                Some("this kernel has no such function".to_owned())
            }
            "iter" if !has_function(&format!("bpf_iter_{target}")) => {
                Some("this kernel has no such iterator".to_owned())
            }
            "kprobe" | "kretprobe" if !self.kprobes => {
                Some("this kernel has no kprobes (CONFIG_KPROBE_EVENTS)".to_owned())
            }
            "cgroup_skb" if self.cgroup.is_none() => {
                Some("no control groups of version 2 are mounted".to_owned())
            }
            _ => None,
        }
    }
}

/// True where the kernel's types name this function: a helper or an iterator that it has.
#[must_use]
pub fn has_function(name: &str) -> bool {
    Host::look().types.is_some_and(|types| types.type_by_name::<Func<'_>>(name).is_some())
}

fn release() -> String {
    nix::sys::utsname::uname().map(|names| names.release().to_string_lossy().into_owned()).unwrap_or_default()
}

fn btf_file() -> Option<PathBuf> {
    let file = Path::new(BTF_FOLDER).join(format!("{}.btf", release()));
    file.exists().then_some(file)
}

/// The mount of version 2; its place differs between hosts.
fn cgroup_root() -> Option<File> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let path = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4)).flatten()
    })?;
    File::open(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_that_no_kernel_has_are_refused_by_name() {
        let host = Host::look();
        assert_eq!(host.lacks_types(), None, "these tests need a kernel with types");
        for section in ["tp_btf/no_such", "raw_tp/no_such", "fentry/no_such", "iter/no_such"] {
            assert!(host.refuses(section).is_some_and(|reason| reason.contains("no such")), "{section}");
        }
        for section in ["tp_btf/sched_process_exec", "raw_tp/sched_process_exec", "iter/task_file"] {
            assert_eq!(host.refuses(section), None, "{section}");
        }
    }
}
