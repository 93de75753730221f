//! Real processes, contained.

mod harness;
mod killing;
mod limiting;
mod privileges;
pub(super) mod roles;
mod starting;
