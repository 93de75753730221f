//! What the kernel tells by netlink: sockets with their TCP state, translated connections, network namespaces.
//!
//! ```text
//!   namespace ──> Socket ──┬──> sock_diag  ──> Sock, TcpInfo
//!                          └──> conntrack  ──> Backends: service address -> who really serves
//!   message, bytes: the form of all of it; other subsystems are parsed where they are used
//! ```
//!
//! | what | needs |
//! |---|---|
//! | a dump of sockets | nothing; `INET_DIAG` in the kernel |
//! | translated connections | `CAP_NET_ADMIN` over the network namespace; `NF_CT_NETLINK` in the kernel |
//! | the namespace of another process | `CAP_SYS_ADMIN`, and `CAP_SYS_PTRACE` for processes of other users |
//!
//! Invariants: bytes are looked at only where the message says that there are any; no message of any form panics;
//! what the kernel did not say is `None`, never zero.
#![forbid(unsafe_code)]

pub mod bytes;
pub mod conntrack;
pub mod message;
pub mod namespace;
pub mod sock_diag;
mod socket;
#[cfg(test)]
mod testing;

pub use self::socket::{Error, Protocol, Received, Socket};
