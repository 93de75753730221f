//! What is sent in one request, ready to be sent, and how a snapshot becomes batches.

use prost::Message as _;

use super::ended::ended;
use super::proto::{TimeSeries, WriteRequest};
use super::series::Expansion;
use crate::export::delivery::Batch;
use crate::store::Snapshot;

/// Samples from which on a batch is full. A row is never divided.
const FULL: usize = 10_000;

/// The snapshot, and the ends of the series of the one pushed before, as of `time` in milliseconds since 1970.
///
/// # Errors
/// When a body does not fit into memory that snappy can address (4 GiB).
pub(super) fn batches(before: &Snapshot, now: &Snapshot, time: i64) -> Result<Vec<Batch>, snap::Error> {
    let (mut done, mut rows, mut series) = (Vec::new(), 0, Vec::new());
    for chunk in ended(before, now, time).chunks(FULL) {
        done.push(pack(chunk.to_vec(), 0)?);
    }
    for table in &now.tables {
        let expansion = Expansion::new(table);
        for row in 0..table.labels.len() {
            expansion.row(row, time, None, &mut series);
            rows += 1;
            if series.len() >= FULL {
                done.push(pack(std::mem::take(&mut series), std::mem::take(&mut rows))?);
            }
        }
    }
    if rows > 0 {
        done.push(pack(series, rows)?);
    }
    Ok(done)
}

fn pack(series: Vec<TimeSeries>, rows: u64) -> Result<Batch, snap::Error> {
    let message = WriteRequest { series }.encode_to_vec();
    let body = snap::raw::Encoder::new().compress_vec(&message)?;
    Ok(Batch { body: body.into(), rows })
}
