//! Who serves in place of a service's address, where the operator wants to know.

mod merge;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use gopher_netlink::conntrack::{Backends, Counts};
use gopher_netlink::namespace;
use gopher_procfs::Root;
use probe_sdk::{Context, Running};

use crate::said::Said;

/// The most translations that are kept: 4 MB.
const MOST: usize = 32_768;
/// Time between two tries to open what was refused.
const RETRY: Duration = Duration::from_secs(60);
const WHAT: &str =
    "translated connections (conntrack; needs CAP_NET_ADMIN and the module nf_conntrack_netlink)";

/// True where an address of a service is to be replaced by the backend's.
pub(crate) fn wanted(ctx: &Context) -> bool {
    let asks = |probe: Running<'_>| probe.param_u64("cluster_ip_backend").is_some_and(|wanted| wanted > 0);
    ctx.config().running().any(asks)
}

/// The translations of the host's network namespace, which the connections of all others pass.
#[derive(Debug)]
pub(crate) struct Services {
    root: Root,
    said: Said,
    wanted: bool,
    backends: Option<Backends>,
    tried: Option<Instant>,
    /// Of those that were closed.
    before: Counts,
}

impl Services {
    pub(crate) fn new(root: Root) -> Self {
        let (said, before) = (Said::default(), Counts::default());
        Self { root, said, wanted: false, backends: None, tried: None, before }
    }

    /// Begins to follow them, or ends it.
    pub(crate) fn configure(&mut self, ctx: &Context) {
        self.wanted = wanted(ctx);
        self.tried = None;
        self.refresh();
    }

    /// Takes in what has changed; to be called every few seconds.
    pub(crate) fn refresh(&mut self) {
        if !self.wanted {
            self.close();
            return;
        }
        if self.backends.is_none() && self.tried.is_none_or(|tried| tried.elapsed() >= RETRY) {
            self.tried = Some(Instant::now());
            match open(&self.root) {
                Ok(backends) => self.backends = Some(backends),
                Err(error) => self.said.failed(WHAT, &error),
            }
        }
        if let Some(backends) = &mut self.backends {
            match backends.refresh() {
                Ok(()) => self.said.works(WHAT),
                Err(error) => {
                    self.said.failed(WHAT, &error);
                    self.close();
                }
            }
        }
    }

    /// Who serves this client instead of the address that it asked for.
    pub(crate) fn backend(&mut self, client: SocketAddr, service: SocketAddr) -> Option<SocketAddr> {
        self.backends.as_mut()?.of(client, service)
    }

    /// What was lost since the start.
    ///
    /// # Errors
    /// When the agent is gone.
    pub(crate) fn tell_losses(&self, ctx: &mut Context) -> Result<(), probe_sdk::Error> {
        let counts = self.counts();
        ctx.lost("translation_overruns", counts.overruns)?;
        ctx.lost("translations", counts.forgotten)
    }

    fn counts(&self) -> Counts {
        let now = self.backends.as_ref().map(Backends::counts).unwrap_or_default();
        Counts {
            overruns: self.before.overruns + now.overruns,
            forgotten: self.before.forgotten + now.forgotten,
        }
    }

    fn close(&mut self) {
        self.before = self.counts();
        self.backends = None;
    }
}

fn open(root: &Root) -> std::io::Result<Backends> {
    let open = || Ok(Backends::open(MOST)?);
    if root.is_foreign() { namespace::within(&root.path(Path::new("/proc/1/ns/net")), open) } else { open() }
}
