//! Whom everything is from, by OpenTelemetry's semantic conventions for resources.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::value::attribute;
use crate::enrich::Host;

/// Labels of series that say what the resource says already.
pub(super) const IN_RESOURCE: [&str; 2] = ["machine_id", "hostname"];

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The agent on this machine.
pub(super) fn resource(host: &Host) -> Resource {
    let attributes = [
        ("service.name", "gala-gopher"),
        ("service.version", VERSION),
        ("service.instance.id", &host.machine_id),
        ("host.id", &host.machine_id),
        ("host.name", &host.hostname),
    ];
    Resource {
        attributes: attributes.into_iter().map(|(key, value)| attribute(key, value)).collect(),
        ..Resource::default()
    }
}

/// Who measured.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "gala-gopher".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    }
}
