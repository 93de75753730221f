//! Leaves out what would be too much to look at.

use std::collections::BTreeSet;

use super::graph::{Graph, Omitted};

/// Keeps the `limit` edges with the highest rates, and their nodes; the graph says what went.
pub fn cut(graph: &mut Graph, limit: usize) {
    let edges = graph.edges.len().saturating_sub(limit);
    if edges == 0 {
        return;
    }
    graph.edges.truncate(limit);
    let kept: BTreeSet<&str> =
        graph.edges.iter().flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]).collect();
    let before = graph.nodes.len();
    graph.nodes.retain(|node| kept.contains(node.id.as_str()));
    graph.omitted = Omitted { nodes: before - graph.nodes.len(), edges };
}
