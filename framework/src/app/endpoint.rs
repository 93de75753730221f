//! The scrape endpoint as the configuration wants it; a change of address takes the new one before it leaves the old.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::readiness::readiness;
use crate::config;
use crate::export::prometheus::{Endpoint, Exposition, Filter, Pages, serve};
use crate::store::Store;
use crate::supervise::Supervisor;
use crate::telemetry::AgentMetrics;

/// What the endpoint shows.
pub(super) struct Sources {
    pub(super) store: Arc<Store>,
    pub(super) metrics: AgentMetrics,
    pub(super) supervisor: Supervisor,
    /// Set once the probe folders have been read and told what to do.
    pub(super) started: Arc<AtomicBool>,
}

/// The endpoint that is served now, if any.
pub(super) struct Serving {
    settings: config::Prometheus,
    address: Option<SocketAddr>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Serving {
    /// Starts to serve.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(super) async fn start(settings: &config::Prometheus, sources: &Sources) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let listen = settings.listen.filter(|_| settings.enabled);
        let Some(listen) = listen else {
            return Ok(Self { settings: settings.clone(), address: None, stop, task: None });
        };
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("listening on {listen} (export.prometheus.listen); `ss -ltnp` shows who has that port")
        })?;
        let address = listener.local_addr().ok();
        let task = tokio::spawn(serve(listener, endpoint(settings, sources), stop.clone()));
        Ok(Self { settings: settings.clone(), address, stop, task: Some(task) })
    }

    /// Follows a change of the settings. A new address is taken before the old one is left, so that a failure leaves the
    /// endpoint as it was. Other settings on the same address end it for a moment, and for good where somebody else
    /// takes the address meanwhile.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(super) async fn change(
        &mut self,
        settings: &config::Prometheus,
        sources: &Sources,
    ) -> anyhow::Result<()> {
        if self.settings == *settings {
            return Ok(());
        }
        // Other settings on the same address: the listener has to be given back first.
        if self.settings.listen == settings.listen {
            self.stop().await;
        }
        let new = Self::start(settings, sources).await?;
        std::mem::replace(self, new).stop().await;
        Ok(())
    }

    /// Ends the endpoint; requests under way are answered.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "The scrape endpoint failed.");
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

fn endpoint(settings: &config::Prometheus, sources: &Sources) -> Endpoint {
    let exposition = exposition(settings);
    let filter = Filter { keep: settings.keep.clone(), drop: settings.drop.clone() };
    let pages = Pages::new(Arc::clone(&sources.store), sources.metrics.clone(), exposition, filter);
    let (supervisor, started) = (sources.supervisor.clone(), Arc::clone(&sources.started));
    Endpoint {
        pages: Arc::new(pages),
        metrics: sources.metrics.clone(),
        readiness: Arc::new(move || readiness(&supervisor, started.load(Ordering::Acquire))),
    }
}

/// The exposition that the settings ask for.
pub(super) fn exposition(settings: &config::Prometheus) -> Exposition {
    match settings.exposition {
        config::Exposition::Modern => Exposition::Modern,
        config::Exposition::Upstream => Exposition::Upstream,
    }
}
