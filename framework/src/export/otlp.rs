//! The OpenTelemetry protocol, over gRPC or HTTP: the state of the store as metrics on an interval, and events and log
//! records as logs when they come.
//!
//! ```text
//!   snapshot ──> starts (since when sums count) ──> metrics ──┐ (batches of a
//!   records ─────────────────────────────────────> logs ──────┤ bounded size)    each: delivery ──> receiver
//! ```
//!
//! The store has summed already, so that nothing is aggregated here. Messages are those of `opentelemetry-proto`.
//! Counted are data points and log records, in which receivers count too. Both have a queue and a connection of their
//! own: neither waits for the other, and no backlog of metrics takes the place of an event.

mod grpc;
mod logs;
mod metrics;
mod receiver;
mod resource;
mod starts;
mod value;

use tokio_util::sync::CancellationToken;

use self::logs::Logs;
use self::metrics::Collector;
use self::receiver::{OtlpReceiver, Service};
use super::delivery::{Bound, Delivery, Snapshots, Source};
use super::push::{Feed, Work};
use crate::config::Otlp;
use crate::telemetry::ExportCounters;

/// The exporter's name.
pub const NAME: &str = "otlp";

const METRICS: Service = Service {
    what: "metrics",
    grpc: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    http: "/v1/metrics",
};

const LOGS: Service = Service {
    what: "events",
    grpc: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    http: "/v1/logs",
};

/// Pushes until `stop`, then what is left. Records are kept for it from this call on.
#[must_use]
pub fn work(settings: Otlp, feed: Feed, stop: CancellationToken) -> Work {
    let resource = resource::resource(&feed.host);
    let logs = settings.events.then(|| Logs::new(resource.clone(), &feed));
    let metrics = settings.metrics.then(|| Snapshots {
        collector: Collector::new(resource),
        interval: settings.interval,
        store: feed.store,
    });
    let counters = feed.counters;
    Box::pin(async move {
        tokio::join!(
            deliver(&settings, &METRICS, metrics, counters.clone(), stop.clone()),
            deliver(&settings, &LOGS, logs, counters.clone(), stop.clone()),
        );
    })
}

/// The files that cannot be used, each with its key and the reason.
#[must_use]
pub fn bad_files(settings: &Otlp) -> Vec<(&'static str, String)> {
    receiver::access(settings).map(|access| access.bad_files()).unwrap_or_default()
}

/// Sends what a source makes to one of the receiver's services.
async fn deliver(
    settings: &Otlp,
    service: &'static Service,
    source: Option<impl Source>,
    counters: ExportCounters,
    stop: CancellationToken,
) {
    let Some(source) = source else { return };
    match OtlpReceiver::new(settings, service) {
        Ok(receiver) => {
            let bound = Bound::Bytes(settings.queue.0);
            let delivery = Delivery { name: NAME, what: service.what, bound, receiver };
            delivery.run(source, counters, stop).await;
        }
        // The configuration does not allow it.
        Err(why) => tracing::error!("[export.otlp] cannot be used: {why}"),
    }
}

#[cfg(test)]
mod tests;
