//! The side of the queue that sends: in order, again and again with growing pauses, until a batch has its fate.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::failure::{Complaints, Failure};
use super::queue::{Batch, Fate, Queue};

/// Time from the order to stop until what waits is given up; within that which every exporter has.
const FLUSH: Duration = Duration::from_secs(4);

/// The first pause before a batch is sent again.
const SHORTEST: Duration = Duration::from_millis(250);

/// Each pause doubles up to this one.
const LONGEST: Duration = Duration::from_secs(15);

/// The other side of an exporter.
pub(in crate::export) trait Receiver: Send {
    /// Where it is, for the log.
    fn place(&self) -> &str;

    /// What helps against a failure.
    fn way_out(&self, failure: &Failure) -> &'static str;

    /// Sends one batch; good when all of it was taken.
    fn send(&mut self, batch: &Batch) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Empties a queue into a receiver.
pub(super) struct Sending<'q, R> {
    queue: &'q Queue,
    receiver: R,
    stop: CancellationToken,
    complaints: Complaints,
    pause: Duration,
}

impl<'q, R: Receiver> Sending<'q, R> {
    pub(super) fn new(
        complaints: Complaints,
        queue: &'q Queue,
        receiver: R,
        stop: CancellationToken,
    ) -> Self {
        Self { queue, receiver, stop, complaints, pause: SHORTEST }
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
                result = self.receiver.send(&batch) => result,
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
            self.complaints.taken(self.receiver.place());
            self.pause = SHORTEST;
            return None;
        };
        let way_out = self.receiver.way_out(&failure);
        self.complaints.failed(self.receiver.place(), &failure, way_out);
        if !failure.is_passing() {
            match failure {
                Failure::Partly { rows, .. } => self.queue.partly(&batch, rows),
                _ => self.queue.end(&batch, Fate::Failed),
            }
            self.pause = SHORTEST;
            return None;
        }
        self.queue.put_back(batch);
        let wait = failure.wait().unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
        Some(wait)
    }
}
