//! Every row that is offered is sent, failed or dropped, whatever the other side does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::queue::Fate;
use super::*;
use crate::sync::lock;
use crate::telemetry::{AgentMetrics, ExportCounters};

/// A receiver that answers as it was told, then takes everything.
#[derive(Clone)]
struct Told {
    answers: Arc<Mutex<VecDeque<Failure>>>,
    got: Arc<Mutex<Vec<u64>>>,
}

impl Receiver for Told {
    fn place(&self) -> &str {
        "here"
    }

    fn way_out(&self, _: &Failure) -> &'static str {
        "none"
    }

    async fn send(&mut self, batch: &Batch) -> Result<(), Failure> {
        lock(&self.got).push(batch.rows);
        lock(&self.answers).pop_front().map_or(Ok(()), Err)
    }
}

fn told(answers: impl IntoIterator<Item = Failure>) -> Told {
    Told { answers: Arc::new(Mutex::new(answers.into_iter().collect())), got: Arc::default() }
}

fn batch(rows: u64) -> Batch {
    Batch { body: Bytes::from_static(&[0; 10]), rows }
}

fn queue(bound: Bound) -> (Queue, ExportCounters) {
    let counters = AgentMetrics::new().unwrap().exporter("test");
    (Queue::new("test", bound, counters.clone()), counters)
}

/// Sent, failed, dropped, queued.
fn counts(counters: &ExportCounters) -> (u64, u64, u64, i64) {
    (counters.sent.get(), counters.failed.get(), counters.dropped.get(), counters.queued.get())
}

/// Sends all that is in the queue.
async fn empty(queue: &Queue, receiver: &Told) {
    queue.close();
    Sending::new(Complaints::new("test", "rows"), queue, receiver.clone(), CancellationToken::new())
        .run()
        .await;
}

#[tokio::test]
async fn what_is_refused_fails_and_what_follows_is_sent() {
    let (queue, counters) = queue(Bound::Batches(10));
    [1, 10, 100].into_iter().for_each(|rows| queue.push(batch(rows)));
    let refused = Failure::Refused { code: "400".into(), text: "no".into() };
    let receiver = told([refused, Failure::Partly { rows: 3, text: "some".into() }]);
    empty(&queue, &receiver).await;
    assert_eq!(*lock(&receiver.got), [1, 10, 100]);
    assert_eq!(counts(&counters), (107, 4, 0, 0));
}

#[tokio::test]
async fn what_is_put_off_comes_again_in_its_order() {
    let (queue, counters) = queue(Bound::Batches(10));
    [1, 10].into_iter().for_each(|rows| queue.push(batch(rows)));
    let busy = Failure::Busy { code: "503".into(), text: "later".into(), wait: Some(Duration::ZERO) };
    let receiver = told([busy]);
    empty(&queue, &receiver).await;
    assert_eq!(*lock(&receiver.got), [1, 1, 10]);
    assert_eq!(counts(&counters), (11, 0, 0, 0));
}

#[tokio::test]
async fn a_queue_of_bytes_drops_the_oldest_that_do_not_fit() {
    let (queue, counters) = queue(Bound::Bytes(25));
    [1, 10, 100].into_iter().for_each(|rows| queue.push(batch(rows)));
    assert_eq!(counts(&counters), (0, 0, 1, 110));
    let oldest = queue.take().await.unwrap();
    queue.push(batch(1000));
    queue.put_back(oldest);
    assert_eq!(counts(&counters), (0, 0, 11, 1100));
}

#[tokio::test]
async fn every_row_of_a_queue_is_counted_once() {
    let (queue, counters) = queue(Bound::Batches(2));
    queue.push(batch(1));
    queue.push(batch(2));
    assert_eq!(counts(&counters), (0, 0, 0, 3));
    let first = queue.take().await.unwrap();
    assert_eq!(first.rows, 1);
    queue.push(batch(4));
    // The one that was taken is the oldest and has no place any more.
    queue.put_back(first);
    assert_eq!(counts(&counters), (0, 0, 1, 6));
    queue.push(batch(8));
    assert_eq!(counts(&counters), (0, 0, 3, 12));
    let next = queue.take().await.unwrap();
    queue.put_back(next);
    let next = queue.take().await.unwrap();
    assert_eq!(next.rows, 4);
    queue.end(&next, Fate::Failed);
    assert_eq!(queue.abandon(), 8);
    assert_eq!(counts(&counters), (0, 4, 11, 0));
    queue.close();
    assert!(queue.take().await.is_none());
}
