//! By which hooks the probe learns of what happens to processes.

use probe_bpf::{Capability, Fidelity, Hook};

const fn exact(programs: &'static [&'static str]) -> Hook {
    Hook { programs, fidelity: Fidelity::Exact }
}

/// What it wants to see.
pub(crate) static CAPABILITIES: &[Capability] = &[
    Capability { name: "start", items: &[], hooks: &[exact(&["fork_btf"]), exact(&["fork_raw"])] },
    Capability { name: "program", items: &[], hooks: &[exact(&["exec_btf"]), exact(&["exec_raw"])] },
    Capability { name: "name", items: &[], hooks: &[exact(&["rename_btf"]), exact(&["rename_raw"])] },
    Capability { name: "end", items: &[], hooks: &[exact(&["exit_btf"]), exact(&["exit_raw"])] },
];
