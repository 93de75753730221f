//! The probes `tcp` and `socket` under loads that are more than they can keep: nothing is lost in silence, nothing grows
//! without bound.

#[cfg(test)]
#[path = "net_faults/load.rs"]
mod load;

#[cfg(test)]
#[path = "net_faults/storm.rs"]
mod storm;

#[cfg(test)]
#[path = "net_faults/crowd.rs"]
mod crowd;

#[cfg(test)]
#[path = "net_faults/flood.rs"]
mod flood;

#[cfg(test)]
#[path = "net_faults/namespaces.rs"]
mod namespaces;
