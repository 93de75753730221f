//! The sections `[export.NAME]`: one module per exporter with its settings, their defaults and its keys.

pub mod kafka;
pub mod logs;
pub mod otlp;
pub mod prometheus;
pub mod remote_write;

pub use self::kafka::Kafka;
pub use self::logs::Logs;
pub use self::otlp::{Compression, Otlp, Protocol};
pub use self::prometheus::{Exposition, Prometheus};
pub use self::remote_write::RemoteWrite;
