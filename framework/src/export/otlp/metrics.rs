//! Snapshots as metrics: gauges, sums and histograms, cumulative, in requests of a bounded size.

use bytes::Bytes;
use gopher_protocol::histogram::Histogram;
use gopher_protocol::number::Number;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    self as proto, AggregationTemporality, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

use super::resource::{IN_RESOURCE, scope};
use super::starts::Starts;
use super::value::attribute;
use crate::export::delivery::{Batch, Collect};
use crate::export::prometheus::Filter;
use crate::export::prometheus::families::{Family, Type, families};
use crate::store::{Labels, Layout, Snapshot, TableSnapshot, Value};

/// Data points from which on a request is closed.
const POINTS: u64 = 2_000;
/// Bytes, roughly, from which on a request is closed: receivers take 4 MiB unless they are told otherwise.
const BYTES: usize = 2 << 20;
/// Bytes of a data point without its attributes, and of an attribute without its texts, roughly.
const OVERHEAD: usize = 40;

/// Makes requests of snapshots.
#[derive(Debug)]
pub(super) struct Collector {
    resource: Resource,
    starts: Starts,
}

impl Collector {
    pub(super) fn new(resource: Resource) -> Self {
        Self { resource, starts: Starts::default() }
    }
}

impl Collect for Collector {
    fn collect(&mut self, snapshot: &Snapshot, time: u64) -> Vec<Batch> {
        self.starts.update(snapshot, time);
        let mut requests = Requests::new(&self.resource);
        for table in &snapshot.tables {
            requests.add(table, &self.starts, time);
        }
        requests.close();
        requests.done
    }
}

/// The requests of one snapshot; the last one is open.
struct Requests<'a> {
    resource: &'a Resource,
    metrics: Vec<Metric>,
    points: u64,
    bytes: usize,
    done: Vec<Batch>,
}

impl<'a> Requests<'a> {
    fn new(resource: &'a Resource) -> Self {
        Self { resource, metrics: Vec::new(), points: 0, bytes: 0, done: Vec::new() }
    }

    fn add(&mut self, table: &TableSnapshot, starts: &Starts, time: u64) {
        let families = families(&table.layout, &Filter::default());
        let mut first = self.open(&families);
        for (row, labels) in table.labels.iter().enumerate() {
            let attributes = attributes(labels, &table.layout);
            let size = attributes.iter().map(size_of_attribute).sum::<usize>() + OVERHEAD;
            let at = At { start: nanos(starts.of(table, row)), time: nanos(time) };
            let values = table.values(row);
            let metrics = self.metrics.get_mut(first..).unwrap_or_default();
            for (family, metric) in families.iter().zip(metrics) {
                let value = values.get(family.value).unwrap_or(&Value::Absent);
                if push(metric, family, value, &attributes, at) {
                    self.points += 1;
                    self.bytes += size;
                }
            }
            if self.points >= POINTS || self.bytes >= BYTES {
                self.close();
                first = self.open(&families);
            }
        }
    }

    /// Adds empty metrics; where the first of them is.
    fn open(&mut self, families: &[Family]) -> usize {
        let first = self.metrics.len();
        self.metrics.extend(families.iter().map(empty));
        first
    }

    /// Makes a request of what there is.
    fn close(&mut self) {
        let metrics: Vec<_> = std::mem::take(&mut self.metrics).into_iter().filter(has_points).collect();
        let points = std::mem::take(&mut self.points);
        self.bytes = 0;
        if points == 0 {
            return;
        }
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
        let resource = Some(self.resource.clone());
        let all = ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![all] };
        self.done.push(Batch { body: Bytes::from(request.encode_to_vec()), rows: points });
    }
}

/// The times of a point in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct At {
    start: u64,
    time: u64,
}

fn nanos(milliseconds: u64) -> u64 {
    milliseconds.saturating_mul(1_000_000)
}

/// All labels of a series but those that the resource has.
fn attributes(labels: &Labels, layout: &Layout) -> Vec<KeyValue> {
    let in_resource =
        |name: &str| IN_RESOURCE.contains(&name) && layout.globals.iter().any(|(global, _)| global == name);
    let mut attributes = Vec::new();
    labels.each(layout, |name, value| {
        if !in_resource(name) {
            attributes.push(attribute(name, value));
        }
    });
    attributes
}

fn size_of_attribute(attribute: &KeyValue) -> usize {
    attribute.encoded_len() + OVERHEAD / 8
}

/// A metric of a family without points. Its unit stays empty: names carry theirs, and receivers would add it again.
fn empty(family: &Family) -> Metric {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let data = match family.kind {
        Type::Gauge => Data::Gauge(proto::Gauge::default()),
        Type::Counter => {
            Data::Sum(proto::Sum { aggregation_temporality, is_monotonic: true, ..proto::Sum::default() })
        }
        Type::Histogram => {
            Data::Histogram(proto::Histogram { aggregation_temporality, ..proto::Histogram::default() })
        }
    };
    Metric {
        name: family.name.clone(),
        description: family.help.clone(),
        data: Some(data),
        ..Metric::default()
    }
}

fn has_points(metric: &Metric) -> bool {
    match &metric.data {
        Some(Data::Gauge(gauge)) => !gauge.data_points.is_empty(),
        Some(Data::Sum(sum)) => !sum.data_points.is_empty(),
        Some(Data::Histogram(histogram)) => !histogram.data_points.is_empty(),
        _ => false,
    }
}

/// Adds a value to the metric of its family; false where there is none.
fn push(metric: &mut Metric, family: &Family, value: &Value, attributes: &[KeyValue], at: At) -> bool {
    let number = match value {
        Value::Absent => return false,
        Value::Number(number) => *number,
        Value::Histogram(histogram) if family.max => Number::Float(histogram.max),
        Value::Histogram(histogram) => return push_histogram(metric, histogram, attributes, at),
    };
    let point = |start_time_unix_nano| NumberDataPoint {
        attributes: attributes.to_vec(),
        start_time_unix_nano,
        time_unix_nano: at.time,
        value: Some(number_value(number)),
        ..NumberDataPoint::default()
    };
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.push(point(0)),
        Some(Data::Sum(sum)) => sum.data_points.push(point(at.start)),
        _ => return false,
    }
    true
}

/// Whole numbers stay exact as far as the protocol can hold them.
fn number_value(number: Number) -> number_data_point::Value {
    match number {
        Number::Uint(value) => match i64::try_from(value) {
            Ok(value) => number_data_point::Value::AsInt(value),
            Err(_) => number_data_point::Value::AsDouble(number.as_f64()),
        },
        Number::Int(value) => number_data_point::Value::AsInt(value),
        Number::Float(value) => number_data_point::Value::AsDouble(value),
    }
}

/// The store's counts are cumulative over the buckets, the protocol's are not, and its last bucket has no bound.
fn push_histogram(metric: &mut Metric, histogram: &Histogram, attributes: &[KeyValue], at: At) -> bool {
    let Some(Data::Histogram(data)) = &mut metric.data else { return false };
    let count = histogram.count();
    let explicit_bounds: Vec<_> =
        histogram.bounds.iter().copied().filter(|bound| bound.is_finite()).collect();
    let mut below = 0;
    let cumulative = histogram.counts.iter().copied().take(explicit_bounds.len()).chain([count]);
    let bucket_counts = cumulative.map(|count| count.saturating_sub(std::mem::replace(&mut below, count)));
    data.data_points.push(HistogramDataPoint {
        attributes: attributes.to_vec(),
        start_time_unix_nano: at.start,
        time_unix_nano: at.time,
        count,
        sum: Some(histogram.sum),
        bucket_counts: bucket_counts.collect(),
        explicit_bounds,
        ..HistogramDataPoint::default()
    });
    true
}
