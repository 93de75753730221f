//! The probes of `extend-probes`, run directly and against the real servers.

#[path = "extend/dnsmasq.rs"]
mod dnsmasq;
#[path = "extend/examples.rs"]
mod examples;
#[path = "extend/folders.rs"]
mod folders;
#[path = "extend/haproxy.rs"]
mod haproxy;
#[path = "extend/haproxy_socket.rs"]
mod haproxy_socket;
