//! The probes `tcp` and `socket` where eBPF is refused.

#[cfg(test)]
#[path = "net_fallback/tables.rs"]
mod tables;
