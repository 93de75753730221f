//! What is collected, asked and changed while the agent runs.

#[cfg(test)]
#[path = "control/crowd.rs"]
mod crowd;
#[cfg(test)]
#[path = "control/garbage.rs"]
mod garbage;
#[cfg(test)]
#[path = "control/original.rs"]
mod original;
#[cfg(test)]
#[path = "control/requests.rs"]
mod requests;
#[cfg(test)]
#[path = "control/schema.rs"]
mod schema;
#[cfg(test)]
#[path = "control/security.rs"]
mod security;
#[cfg(test)]
#[path = "control/state.rs"]
mod state;
