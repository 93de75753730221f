//! The probes `tcp` and `socket` where eBPF is refused.

#[cfg(test)]
#[path = "net_fallback/restricted.rs"]
mod restricted;
#[cfg(test)]
#[path = "net_fallback/tables.rs"]
mod tables;
#[cfg(test)]
#[path = "net_fallback/traffic.rs"]
mod traffic;
