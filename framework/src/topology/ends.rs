//! The ends of flows: which node a row, or an address, belongs to.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use serde::Serialize;

use super::graph::{Kind, Node};
use crate::store::Labels;

/// What a node stands for. What is in no container, or no pod, stands for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A process: the most specific that there is, since every row has one.
    #[default]
    Process,
    /// A container.
    Container,
    /// A pod.
    Pod,
}

impl By {
    /// All, with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("process", Self::Process), ("container", Self::Container), ("pod", Self::Pod)];

    /// By its name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, by)| *by)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, by)| *by == self).map_or("", |(name, _)| name)
    }
}

/// The names of what [`crate::store::Labels::container`] gives, in its order.
const LABELS: [&str; 6] =
    ["container_id", "container_name", "container_image", "pod_id", "pod", "pod_namespace"];
/// Digits of a container's id that people read.
const SHORT: usize = 12;

/// An address as nodes and flows are told apart by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address<'a> {
    pub(super) text: Cow<'a, str>,
    /// Which network the address belongs to, where more than one on this host has it: loopback is each pod's own, and
    /// each container's own.
    pub(super) network: &'a str,
}

impl<'a> Address<'a> {
    /// An IPv4 address that an IPv6 socket sees is the IPv4 address.
    pub(super) fn new(text: &'a str, labels: &'a Labels) -> Self {
        let Ok(parsed) = text.parse::<IpAddr>() else { return Self { text: text.into(), network: "" } };
        let canonical = parsed.to_canonical();
        let network = match labels.container() {
            Some(container) if canonical.is_loopback() => {
                if container.pod_id().is_empty() {
                    container.id.as_str()
                } else {
                    container.pod_id()
                }
            }
            _ => "",
        };
        let text = if canonical == parsed { text.into() } else { canonical.to_string().into() };
        Self { text, network }
    }
}

/// All nodes, each made once.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by: By,
    known: HashMap<String, usize>,
    all: Vec<Node>,
}

impl Nodes {
    pub(super) fn new(by: By) -> Self {
        Self { by, ..Self::default() }
    }

    /// The node of the process that wrote the row.
    pub(super) fn local(&mut self, labels: &Labels, tgid: &str, comm: &str) -> usize {
        let container = labels.container();
        let facts = container.map(|container| container.labels(false)).unwrap_or_default();
        let [id, name, _, pod_id, pod, namespace] = facts;
        let (node, made): (String, &dyn Fn() -> (Kind, String)) = match self.by {
            By::Pod if !pod_id.is_empty() => (format!("pod:{pod_id}"), &|| {
                let path = if namespace.is_empty() { pod.to_owned() } else { format!("{namespace}/{pod}") };
                (Kind::Pod, if pod.is_empty() { format!("pod {pod_id}") } else { path })
            }),
            By::Container | By::Pod if !id.is_empty() => (format!("container:{id}"), &|| {
                let short = id.get(..SHORT).unwrap_or(id);
                (Kind::Container, if name.is_empty() { short.to_owned() } else { name.to_owned() })
            }),
            _ => (format!("process:{tgid}"), &|| (Kind::Process, comm.to_owned())),
        };
        let at = self.node(node, made);
        let node = &mut self.all[at];
        node.processes.entry(tgid.to_owned()).or_insert_with(|| comm.to_owned());
        for (name, value) in LABELS.into_iter().zip(facts).filter(|(_, value)| !value.is_empty()) {
            // What the processes of a pod do not share is not the pod's.
            if node.kind != Kind::Pod || name.starts_with("pod") {
                node.labels.entry(name).or_insert_with(|| value.to_owned());
            }
        }
        at
    }

    /// The node of an address.
    pub(super) fn address(&mut self, address: &Address<'_>) -> usize {
        self.place(Kind::Address, address.text.to_string(), address.network)
    }

    /// The node of an address and a port.
    pub(super) fn listener(&mut self, address: &Address<'_>, port: u16) -> usize {
        let name = if address.text.contains(':') {
            format!("[{}]:{port}", address.text)
        } else {
            format!("{}:{port}", address.text)
        };
        self.place(Kind::Listener, name, address.network)
    }

    fn place(&mut self, kind: Kind, name: String, network: &str) -> usize {
        let within = if network.is_empty() { String::new() } else { format!("@{network}") };
        self.node(format!("{}:{name}{within}", kind.name()), &|| (kind, name.clone()))
    }

    fn node(&mut self, id: String, made: &dyn Fn() -> (Kind, String)) -> usize {
        if let Some(at) = self.known.get(&id) {
            return *at;
        }
        let (kind, name) = made();
        let (processes, labels, ports) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        self.all.push(Node { id: id.clone(), kind, name, processes, labels, ports });
        self.known.insert(id, self.all.len() - 1);
        self.all.len() - 1
    }

    /// Notes that a node serves on a port.
    pub(super) fn serves(&mut self, node: usize, port: u16) {
        self.all[node].ports.insert(port);
    }

    pub(super) fn into_all(self) -> Vec<Node> {
        self.all
    }
}
