//! The side of the queue that sends: in order, again and again with growing pauses, until a batch has its fate.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::client::Client;
use super::failure::{Complaints, Failure};
use super::queue::{Fate, Queue};

/// Time from the order to stop until what waits is given up; within that which every exporter has.
const FLUSH: Duration = Duration::from_secs(4);

/// The first pause before a batch is sent again.
const SHORTEST: Duration = Duration::from_millis(250);

/// Each pause doubles up to this one.
const LONGEST: Duration = Duration::from_secs(15);

/// Empties a queue into a receiver.
pub(super) struct Sending<'q> {
    queue: &'q Queue,
    client: Client,
    url: String,
    stop: CancellationToken,
    complaints: Complaints,
    pause: Duration,
}

impl<'q> Sending<'q> {
    pub(super) fn new(queue: &'q Queue, client: Client, url: String, stop: CancellationToken) -> Self {
        Self { queue, client, url, stop, complaints: Complaints::default(), pause: SHORTEST }
    }

    /// Sends until the queue is closed and empty, or too long after the order to stop.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(FLUSH).await;
        };
        tokio::pin!(late);
        loop {
            let batch = tokio::select! {
                batch = self.queue.take() => batch,
                () = &mut late => return,
            };
            let Some(batch) = batch else { return };
            let result = tokio::select! {
                result = self.client.post(&batch.body) => result,
                () = &mut late => return self.queue.end(&batch, Fate::Dropped),
            };
            let Some(wait) = self.settle(batch, result) else { continue };
            let stopping = stop.is_cancelled();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // What waits is tried once more at once, and then in short pauses.
                () = stop.cancelled(), if !stopping => self.pause = SHORTEST,
                () = &mut late => return,
            }
        }
    }

    /// Gives a batch its fate, or back to the queue; how long to wait then.
    fn settle(&mut self, batch: Batch, result: Result<(), Failure>) -> Option<Duration> {
        let Err(failure) = result else {
            self.queue.end(&batch, Fate::Sent);
            self.complaints.taken(&self.url);
            self.pause = SHORTEST;
            return None;
        };
        self.complaints.failed(&self.url, &failure);
        if !failure.is_passing() {
            self.queue.end(&batch, Fate::Failed);
            self.pause = SHORTEST;
            return None;
        }
        self.queue.put_back(batch);
        let wait = failure.wait().unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
        Some(wait)
    }
}
