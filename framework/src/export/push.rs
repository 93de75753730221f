//! What exporters that push have in common: what they read, how they are told to stop, how they count.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::enrich::Host;
use crate::store::Store;
use crate::telemetry::ExportCounters;

/// Time for an exporter to send or spool what it holds once it is told to stop.
const FLUSH: Duration = Duration::from_secs(5);

/// What an exporter reads, and how it accounts for it.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Snapshots, and the stream of records.
    pub store: Arc<Store>,
    /// The machine that everything is from.
    pub host: Arc<Host>,
    /// Where something may be kept over a restart of the agent.
    pub state_dir: PathBuf,
    /// Every row or event that is offered is sent, failed or dropped.
    pub counters: ExportCounters,
}

/// The work of an exporter: it goes on until it is told to stop, then sends or keeps what it holds and ends.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An exporter that works.
#[derive(Debug)]
pub struct Pusher {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Pusher {
    /// Starts an exporter once the one before it, of the same name, has ended.
    #[must_use]
    pub fn start(
        name: &'static str,
        before: Option<Self>,
        work: impl FnOnce(CancellationToken) -> Work,
    ) -> Self {
        let stop = CancellationToken::new();
        let work = work(stop.clone());
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                before.finish().await;
            }
            work.await;
        });
        Self { name, stop, task }
    }

    /// Tells the exporter to stop and waits until it has; what it does not get rid of in time is lost and counted as
    /// it left it.
    pub async fn finish(mut self) {
        self.stop.cancel();
        match tokio::time::timeout(FLUSH, &mut self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(exporter = self.name, %error, "An exporter failed."),
            Err(_) => {
                self.task.abort();
                tracing::error!(exporter = self.name, "An exporter did not end in time.");
            }
        }
    }
}
