//! The agent pushes to Debian's Prometheus: values, outages, ends of series, refusals, TLS and passwords.

#[cfg(test)]
#[path = "remote_write/outage.rs"]
mod outage;
#[cfg(test)]
#[path = "remote_write/receiver.rs"]
mod receiver;
#[cfg(test)]
#[path = "remote_write/refused.rs"]
mod refused;
#[cfg(test)]
#[path = "remote_write/values.rs"]
mod values;
