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
    pub(super) pages: Arc<Pages>,
    pub(super) metrics: AgentMetrics,
    pub(super) supervisor: Supervisor,
    /// Set once the probe folders have been read and told what to do.
    pub(super) started: Arc<AtomicBool>,
}

/// The endpoint that is served now, if any.
pub(super) struct Serving {
    /// Where it was asked to listen.
    wanted: Option<SocketAddr>,
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
        let wanted = wanted(settings);
        let Some(listen) = wanted else {
            return Ok(Self { wanted, address: None, stop, task: None });
        };
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("listening on {listen} (export.prometheus.listen); `ss -ltnp` shows who has that port")
        })?;
        let address = listener.local_addr().ok();
        let task = tokio::spawn(serve(listener, sources.endpoint(), stop.clone()));
        Ok(Self { wanted, address, stop, task: Some(task) })
    }

    /// Follows a change of the settings. A new address is taken before the old one is left, so that a failure leaves the
    /// endpoint as it was; other settings change no connection.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(super) async fn change(
        &mut self,
        settings: &config::Prometheus,
        sources: &Sources,
    ) -> anyhow::Result<()> {
        if self.wanted != wanted(settings) {
            let new = Self::start(settings, sources).await?;
            std::mem::replace(self, new).stop().await;
        }
        sources.pages.set_filter(filter(settings));
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

impl Sources {
    fn endpoint(&self) -> Endpoint {
        let (supervisor, started) = (self.supervisor.clone(), Arc::clone(&self.started));
        Endpoint {
            pages: Arc::clone(&self.pages),
            metrics: self.metrics.clone(),
            readiness: Arc::new(move || readiness(&supervisor, started.load(Ordering::Acquire))),
        }
    }
}

fn wanted(settings: &config::Prometheus) -> Option<SocketAddr> {
    settings.listen.filter(|_| settings.enabled)
}

/// The pages as the settings ask for them.
pub(super) fn pages(settings: &config::Prometheus, store: &Arc<Store>, metrics: &AgentMetrics) -> Arc<Pages> {
    let (store, metrics) = (Arc::clone(store), metrics.clone());
    Arc::new(Pages::new(store, metrics, exposition(settings), filter(settings)))
}

fn filter(settings: &config::Prometheus) -> Filter {
    Filter { keep: settings.keep.clone(), drop: settings.drop.clone() }
}

/// The exposition that the settings ask for.
pub(super) fn exposition(settings: &config::Prometheus) -> Exposition {
    match settings.exposition {
        config::Exposition::Modern => Exposition::Modern,
        config::Exposition::Upstream => Exposition::Upstream,
    }
}
