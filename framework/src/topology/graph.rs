//! The graph, as it is given out: nodes, edges, and what is to be known of the whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::ends::By;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One observed process.
    Process,
    /// The observed processes of a container.
    Container,
    /// The observed processes of a pod.
    Pod,
    /// An address of no observed process.
    Address,
    /// An address and port that several observed processes serve to several others: who of them serves whom is not
    /// known.
    Listener,
}

impl Kind {
    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Container => "container",
            Self::Pod => "pod",
            Self::Address => "address",
            Self::Listener => "listener",
        }
    }
}

/// One end of flows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Unique, and the same from graph to graph while it is the same thing.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// For people.
    pub name: String,
    /// Observed processes: their ids and names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<String, String>,
    /// The label values of its container and pod, as far as they are known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<&'static str, String>,
    /// Ports on which it serves.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<u16>,
}

/// The flows of one port from one node to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Edge {
    /// The client's node.
    pub from: String,
    /// The server's node.
    pub to: String,
    /// The server's port.
    pub port: u16,
    /// Bytes a second in the last period, from the client to the server.
    pub to_server_bytes_per_second: Option<f64>,
    /// The same from the server to the client.
    pub to_client_bytes_per_second: Option<f64>,
    /// Mean smoothed round-trip time of the last period.
    pub rtt_seconds: Option<f64>,
    /// Segments that were sent again by those that were sent, in the last period, from the ends that are seen.
    pub loss_ratio: Option<f64>,
    /// Connections a second in the last period.
    pub opened_per_second: Option<f64>,
    /// Connections that failed in the last period.
    pub failed: Option<f64>,
    /// Length of the last period.
    pub period_seconds: Option<f64>,
    /// Seconds since the last row.
    pub age_seconds: f64,
    /// The ends whose rows these are: `client`, `server`.
    pub seen_from: BTreeSet<&'static str>,
}

impl Edge {
    /// Bytes a second in both directions together.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        match (self.to_server_bytes_per_second, self.to_client_bytes_per_second) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        }
    }

    /// Whether nothing has come for more than two periods.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.period_seconds.is_some_and(|period| self.age_seconds > 2.0 * period + 2.0)
    }
}

/// What was left out, because it was too much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// Nodes.
    pub nodes: usize,
    /// Edges.
    pub edges: usize,
}

/// Who talks to whom.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Graph {
    /// The host's name, where rows carry it.
    pub host: Option<String>,
    /// Milliseconds since 1970.
    pub time: u64,
    /// What a node stands for.
    pub by: By,
    /// Sorted by id.
    pub nodes: Vec<Node>,
    /// The one with the highest rate first.
    pub edges: Vec<Edge>,
    /// What was left out.
    pub omitted: Omitted,
    /// Why something is not there that one would expect, and the way out.
    pub notes: Vec<String>,
}
