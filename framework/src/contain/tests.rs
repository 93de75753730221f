//! Real processes, contained.

mod dying;
mod harness;
mod killing;
mod limiting;
mod privileges;
pub(super) mod roles;
mod starting;
