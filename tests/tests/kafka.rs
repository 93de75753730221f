//! The agent sends to a real Apache Kafka broker, whose own consumer reads it back: shapes, outages, TLS and logins.

#[cfg(test)]
#[path = "kafka/messages.rs"]
mod messages;
#[cfg(test)]
#[path = "kafka/outage.rs"]
mod outage;
#[cfg(test)]
#[path = "kafka/refused.rs"]
mod refused;
#[cfg(test)]
#[path = "kafka/secure.rs"]
mod secure;
#[cfg(test)]
#[path = "kafka/shapes.rs"]
mod shapes;
#[cfg(test)]
#[path = "kafka/switch.rs"]
mod switch;
