//! The agent's control: who may change what.

pub mod auth;
mod peer;
