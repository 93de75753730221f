//! The scrape endpoint as the configuration wants it; a change of address takes the new one before it leaves the old.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::sync::watch;

use super::readiness::readiness;
use crate::config;
use crate::export::prometheus::{Endpoint, Exposition, Filter, Pages, serve};
use crate::listen::{Socket, Thread, listen};
use crate::store::Store;
use crate::supervise::Supervisor;
use crate::telemetry::AgentMetrics;
use crate::tls::Tls;
use crate::topology::Topology;

/// What the endpoint shows.
pub(super) struct Sources {
    pub(super) pages: Arc<Pages>,
    pub(super) metrics: AgentMetrics,
    pub(super) supervisor: Supervisor,
    /// Who talks to whom, for requests.
    pub(super) topology: Arc<Topology>,
    /// Set once the probe folders have been read and told what to do.
    pub(super) started: Arc<AtomicBool>,
}

/// The endpoint that is served now, if any.
pub(super) struct Serving {
    /// Where it was asked to listen.
    wanted: Option<SocketAddr>,
    files: config::Tls,
    tls: watch::Sender<Option<Arc<Tls>>>,
    address: Option<SocketAddr>,
    thread: Option<Thread>,
}

impl Serving {
    /// Starts to serve.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(super) fn start(
        settings: &config::Prometheus,
        tls: Option<Arc<Tls>>,
        sources: &Sources,
    ) -> anyhow::Result<Self> {
        let wanted = wanted(settings);
        let files = settings.tls.clone();
        let (tls, current) = watch::channel(tls);
        let Some(address) = wanted else {
            return Ok(Self { wanted, files, tls, address: None, thread: None });
        };
        let thread = Thread::start("metrics").context("starting the thread that answers scrapes")?;
        let within = thread.enter();
        let listener = listen(address).with_context(|| {
            format!("listening on {address} (export.prometheus.listen); `ss -ltnp` shows who has that port")
        })?;
        let address = listener.local_addr().ok();
        drop(within);
        thread.spawn(serve(Socket::Tcp(listener, current), sources.endpoint(), thread.stopping().clone()));
        Ok(Self { wanted, files, tls, address, thread: Some(thread) })
    }

    /// Follows a change of the settings. A new address is taken before the old one is left, so that a failure leaves the
    /// endpoint as it was; other settings change no connection.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(super) async fn change(
        &mut self,
        settings: &config::Prometheus,
        tls: Option<Arc<Tls>>,
        sources: &Sources,
    ) -> anyhow::Result<()> {
        if self.wanted != wanted(settings) {
            let new = Self::start(settings, tls, sources)?;
            std::mem::replace(self, new).stop().await;
        } else if self.files != settings.tls {
            self.tls.send_replace(tls);
            self.files = settings.tls.clone();
        }
        sources.pages.set_filter(filter(settings));
        Ok(())
    }

    /// Ends the endpoint; requests under way are answered.
    pub(super) async fn stop(&mut self) {
        let Some(mut thread) = self.thread.take() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || thread.stop()).await {
            tracing::error!(%error, "Stopping the scrape endpoint failed.");
        }
    }

    /// Where the metrics are; none while the endpoint is off.
    pub(super) fn url(&self) -> Option<String> {
        let scheme = if self.files.is_on() { "https" } else { "http" };
        self.address.map(|address| format!("{scheme}://{address}/metrics"))
    }
}

impl Sources {
    /// What a request for metrics needs.
    pub(super) fn endpoint(&self) -> Endpoint {
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
