//! Who serves in place of a service's address, where the operator wants to know.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use gopher_netlink::conntrack::{Backends, Counts};
use gopher_netlink::namespace;
use gopher_procfs::Root;

use super::said::Said;

/// The most translations that are kept: 4 MB.
const MOST: usize = 32_768;
/// Time between two tries to open what was refused.
const RETRY: Duration = Duration::from_secs(60);
const WHAT: &str =
    "translated connections (conntrack; needs CAP_NET_ADMIN and the module nf_conntrack_netlink)";

/// The translations of the host's network namespace, which the connections of all others pass.
#[derive(Debug, Default)]
pub(crate) struct Translations {
    backends: Option<Backends>,
    tried: Option<Instant>,
    /// Of those that were closed.
    before: Counts,
}

impl Translations {
    /// Takes in what has changed, or closes them when they are not wanted.
    pub(crate) fn refresh(&mut self, wanted: bool, root: &Root, said: &mut Said) {
        if !wanted {
            self.close();
            return;
        }
        if self.backends.is_none() && self.tried.is_none_or(|tried| tried.elapsed() >= RETRY) {
            self.tried = Some(Instant::now());
            match open(root) {
                Ok(backends) => self.backends = Some(backends),
                Err(error) => said.failed(WHAT, &error),
            }
        }
        if let Some(backends) = &mut self.backends {
            match backends.refresh() {
                Ok(()) => said.works(WHAT),
                Err(error) => {
                    said.failed(WHAT, &error);
                    self.close();
                }
            }
        }
    }

    pub(crate) fn of(&mut self, client: SocketAddr, service: SocketAddr) -> Option<SocketAddr> {
        self.backends.as_mut()?.of(client, service)
    }

    /// What was lost since the start.
    pub(crate) fn counts(&self) -> Counts {
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
