//! The OpenTelemetry protocol, over gRPC or HTTP: the state of the store, pushed on an interval.
//!
//! ```text
//!   snapshot ──> starts (since when sums count) ──> metrics (batches of a bounded size) ──> delivery ──> receiver
//! ```
//!
//! The store has summed already, so that nothing is aggregated here. Messages are those of `opentelemetry-proto`.
//! Counted are data points, in which receivers count too.

mod grpc;
mod metrics;
mod receiver;
mod resource;
mod starts;

use tokio_util::sync::CancellationToken;

use self::metrics::Collector;
use self::receiver::OtlpReceiver;
use super::delivery::{Bound, Delivery};
use super::push::{Feed, Work};
use crate::config::Otlp;

/// The service for metrics, as gRPC names it.
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Pushes until `stop`, then once more.
#[must_use]
pub fn work(settings: Otlp, feed: Feed, stop: CancellationToken) -> Work {
    Box::pin(async move {
        match OtlpReceiver::new(&settings) {
            Ok(receiver) => {
                let delivery = Delivery {
                    name: "otlp",
                    bound: Bound::Bytes(settings.queue.0),
                    interval: settings.interval,
                    receiver,
                };
                delivery.run(Collector::new(resource::resource(&feed.host)), feed, stop).await;
            }
            // The configuration does not allow it.
            Err(why) => tracing::error!("[export.otlp] cannot be used: {why}"),
        }
    })
}

#[cfg(test)]
mod tests;
