//! Metrics and events that are pushed to a real OpenTelemetry Collector, and what happens while it is away or refuses.

#[cfg(test)]
#[path = "otlp/collector.rs"]
mod collector;
#[cfg(test)]
#[path = "otlp/events.rs"]
mod events;
#[cfg(test)]
#[path = "otlp/outages.rs"]
mod outages;
#[cfg(test)]
#[path = "otlp/refused.rs"]
mod refused;
#[cfg(test)]
#[path = "otlp/series.rs"]
mod series;
#[cfg(test)]
#[path = "otlp/values.rs"]
mod values;
