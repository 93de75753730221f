//! Probes with eBPF programs on the kernel that runs: what they see agrees with what was done.

#[cfg(test)]
#[path = "ebpf/procwatch.rs"]
mod procwatch;

#[cfg(test)]
#[path = "ebpf/net.rs"]
mod net;

#[cfg(test)]
#[path = "ebpf/refused.rs"]
mod refused;

#[cfg(test)]
#[path = "ebpf/template.rs"]
mod template;
