//! All network namespaces with processes in scope, and the sums of the period.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use gopher_netlink::namespace::Id;
use gopher_procfs::Root;
use probe_sdk::Context;

use super::namespace::{self, Dump, Namespace, Totals};
use super::processes::Processes;
use super::sums::Sums;
use super::track::Look;
use crate::programs::Bounds;
use crate::said::Said;
use crate::services::Services;

const DUMP: &str =
    "sockets of a network namespace (inet_diag; another namespace than this needs CAP_SYS_ADMIN)";

/// What the probe knows.
#[derive(Debug)]
pub(crate) struct Host {
    root: Root,
    pub(crate) processes: Processes,
    namespaces: BTreeMap<Id, Namespace>,
    pub(crate) sums: Sums,
    services: Services,
    by_client_port: bool,
    said: Said,
    lost: Lost,
    pub(crate) bounds: Bounds,
}

/// Totals since the start, of namespaces that are gone included.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    connections: u64,
    sockets: u64,
    looks: u64,
}

impl Host {
    /// # Errors
    /// When the bounds of the histograms cannot be had.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let root = Root::from_env();
        Ok(Self {
            processes: Processes::new(root.clone()),
            services: Services::new(root.clone()),
            root,
            namespaces: BTreeMap::new(),
            sums: Sums::default(),
            by_client_port: false,
            said: Said::default(),
            lost: Lost::default(),
            bounds: Bounds::declared()?,
        })
    }

    /// Takes in scope and parameters.
    pub(crate) fn configure(&mut self, ctx: &Context) {
        self.processes.configure(ctx);
        self.services.configure(ctx);
        self.by_client_port = ctx.param_u64("report_cport") == Some(1);
        for namespace in self.namespaces.values_mut() {
            namespace.tcp.ask_anew();
            namespace.udp.ask_anew();
        }
    }

    /// Looks at all sockets of all namespaces with processes in scope.
    pub(crate) fn look(&mut self) {
        self.services.refresh();
        let found = self.processes.by_namespace(&mut self.said);
        for (id, namespace) in &mut self.namespaces {
            if !found.contains_key(id) {
                self.lost.connections += std::mem::take(&mut namespace.unseen);
                self.lost.sockets += namespace.tcp.no_room + namespace.udp.no_room;
            }
        }
        self.namespaces.retain(|id, _| found.contains_key(id));
        for (id, pids) in &found {
            let before = pids.first().map(|pid| Totals::read(&self.processes, *pid)).unwrap_or_default();
            match namespace::look(&self.processes, *id, pids) {
                Ok(Some((pid, dump))) => {
                    self.said.works(DUMP);
                    self.take(*id, pids, &dump, (before, Totals::read(&self.processes, pid)));
                }
                Ok(None) => {}
                Err(error) => {
                    self.lost.looks += 1;
                    self.said.failed(DUMP, &error);
                }
            }
        }
    }

    fn take(&mut self, id: Id, pids: &[u32], dump: &Dump, (before, after): (Totals, Totals)) {
        self.lost.sockets += dump.left_out;
        let namespace = self.namespaces.entry(id).or_default();
        let mut wanted = namespace.tcp.wanted(&dump.tcp);
        wanted.extend(namespace.udp.wanted(&dump.udp));
        let owners = self.processes.owners(pids, &wanted, &mut self.said);
        let mut look = Look {
            owners: &owners,
            by_client_port: self.by_client_port,
            translate: &mut |client, service| self.services.backend(client, service),
            bounds: &self.bounds,
            chosen: chosen(&self.root),
            sums: &mut self.sums,
        };
        let refused = namespace.refused(after);
        namespace.tcp.tcp(&dump.tcp, refused, &mut look);
        namespace.udp.udp(&dump.udp, &mut look);
        // Before the first look everything that the kernel counted is past.
        namespace.count_unseen(if namespace.is_new() { after } else { before });
    }

    /// What could not be seen or kept.
    ///
    /// # Errors
    /// When the agent is gone.
    pub(crate) fn tell_losses(&self, ctx: &mut Context) -> Result<(), probe_sdk::Error> {
        let of = |count: fn(&Namespace) -> u64| self.namespaces.values().map(count).sum::<u64>();
        let no_room = of(|namespace| namespace.tcp.no_room + namespace.udp.no_room);
        ctx.lost("short_connections", self.lost.connections + of(|namespace| namespace.unseen))?;
        ctx.lost("sockets", self.lost.sockets + no_room)?;
        ctx.lost("looks", self.lost.looks)?;
        ctx.lost("namespaces", self.processes.no_room)?;
        ctx.lost("flows", self.sums.no_room)?;
        self.services.tell_losses(ctx)
    }

    pub(crate) fn end_period(&mut self) {
        self.sums.clear();
    }
}

/// The ports that the kernel chooses where a program names none.
fn chosen(root: &Root) -> RangeInclusive<u16> {
    let text =
        std::fs::read_to_string(root.path("/proc/sys/net/ipv4/ip_local_port_range")).unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
    numbers.next().zip(numbers.next()).map_or(32_768..=60_999, |(first, last)| first..=last)
}
