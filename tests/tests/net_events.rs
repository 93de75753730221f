//! What the agent says of the probes `tcp` and `socket` when a threshold is crossed.

#[cfg(test)]
#[path = "net_events/agent.rs"]
mod agent;
#[cfg(test)]
#[path = "ebpf/net/case.rs"]
mod case;
