//! The real agent while its probes, and it itself, are killed at random: nothing is left behind, lost or disturbed.

#[cfg(test)]
#[path = "chaos/folders.rs"]
mod folders;
#[cfg(test)]
#[path = "chaos/kills.rs"]
mod kills;
#[cfg(test)]
#[path = "chaos/machine.rs"]
mod machine;
#[cfg(test)]
#[path = "chaos/rate.rs"]
mod rate;
