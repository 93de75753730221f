//! The built probe `baseinfo` against this host: its values agree with independent sources, and nothing that comes,
//! goes or hangs disturbs it.

#[cfg(test)]
#[path = "baseinfo/agree.rs"]
mod agree;
#[cfg(test)]
#[path = "baseinfo/changes.rs"]
mod changes;
#[cfg(test)]
#[path = "baseinfo/events.rs"]
mod events;
#[cfg(test)]
#[path = "baseinfo/life.rs"]
mod life;
#[cfg(test)]
#[path = "baseinfo/load.rs"]
mod load;
#[cfg(test)]
#[path = "baseinfo/running.rs"]
mod running;
#[cfg(test)]
#[path = "baseinfo/sources.rs"]
mod sources;
