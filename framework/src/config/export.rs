//! The sections `[export.NAME]`: one module per exporter with its settings, their defaults and its keys.

pub mod prometheus;

pub use self::prometheus::{Exposition, Prometheus};
