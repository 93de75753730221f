//! By which hooks the probe sees what its items tell.

use probe_bpf::{Capability, Fidelity, Hook};

/// What it wants to see, and the hooks that can show it, the best first.
pub(crate) static CAPABILITIES: &[Capability] = &[Capability {
    name: "signals",
    items: &["signals"],
    hooks: &[
        Hook { programs: &["signal_btf"], fidelity: Fidelity::Exact },
        Hook { programs: &["signal_raw"], fidelity: Fidelity::Exact },
    ],
}];
