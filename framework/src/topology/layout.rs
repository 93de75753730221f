//! Places of nodes and edges: layers from clients to servers, few crossings, each node near its neighbours.
//!
//! The steps are those of Sugiyama, Tagawa and Toda (IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981):
//! break circles, give each node a layer, sort each layer by the middle of its neighbours, then set distances.

mod layers;
mod order;
mod place;

use std::collections::HashMap;

use self::layers::layers;
use self::order::sort;
use self::place::place;
use super::graph::Graph;

/// Width and height of a node.
pub(super) const BOX: (f64, f64) = (180.0, 46.0);
/// From one layer to the next, and from one place in a layer to the next.
pub(super) const STEP: (f64, f64) = (360.0, 90.0);

/// Where everything is, in pixels.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The upper left corner of each node.
    pub(super) nodes: Vec<(f64, f64)>,
    /// The points that each edge goes through, from its client to its server; none: it leads from a node to itself.
    pub(super) edges: Vec<Vec<(f64, f64)>>,
    /// Width and height of the whole.
    pub(super) size: (f64, f64),
}

/// A graph as numbers.
pub(super) struct Lines {
    pub(super) nodes: usize,
    pub(super) edges: Vec<(usize, usize)>,
}

/// The nodes, then a point for each layer that an edge crosses.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// Of each layer its points from above to below.
    pub(super) layers: Vec<Vec<usize>>,
    /// Of each point its neighbours in the layers before and after.
    pub(super) before: Vec<Vec<usize>>,
    pub(super) after: Vec<Vec<usize>>,
    /// Of each edge its points from the lower layer to the higher.
    ways: Vec<Vec<usize>>,
    nodes: usize,
}

impl Points {
    fn of(lines: &Lines, layer: &[usize]) -> Self {
        let mut points = Self { nodes: lines.nodes, ..Self::default() };
        points.layers.resize(layer.iter().max().map_or(0, |last| last + 1), Vec::new());
        for (node, layer) in layer.iter().enumerate() {
            points.add(node, *layer);
        }
        for (from, to) in &lines.edges {
            let (low, high) = if layer[*from] <= layer[*to] { (*from, *to) } else { (*to, *from) };
            let mut way = vec![low];
            for between in layer[low] + 1..layer[high] {
                let point = points.before.len();
                points.add(point, between);
                way.push(point);
            }
            way.push(high);
            for pair in way.windows(2).filter(|_| layer[low] != layer[high]) {
                points.after[pair[0]].push(pair[1]);
                points.before[pair[1]].push(pair[0]);
            }
            points.ways.push(way);
        }
        points
    }

    fn add(&mut self, point: usize, layer: usize) {
        self.layers[layer].push(point);
        self.before.push(Vec::new());
        self.after.push(Vec::new());
        debug_assert_eq!(self.before.len(), point + 1);
    }

    /// Whether the point is a node: what lies on an edge needs less room.
    pub(super) fn is_node(&self, point: usize) -> bool {
        point < self.nodes
    }
}

/// Places for all nodes and edges of a graph.
pub(super) fn lay_out(graph: &Graph) -> Layout {
    let ids: HashMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
    let at = |id: &str| ids.get(id).copied().unwrap_or(0);
    let edges = graph.edges.iter().map(|edge| (at(&edge.from), at(&edge.to))).collect();
    let lines = Lines { nodes: graph.nodes.len(), edges };
    if lines.nodes == 0 {
        return Layout::default();
    }
    let layer = layers(&lines);
    let mut points = Points::of(&lines, &layer);
    sort(&mut points);
    let height = place(&points);
    draw(&lines, &layer, &points, &height)
}

/// From heights of points to corners of nodes and ways of edges. The ends of edges are spread over the sides of their
/// nodes, in the order of the other ends.
fn draw(lines: &Lines, layer: &[usize], points: &Points, height: &[f64]) -> Layout {
    let (width, tall) = BOX;
    let corner = |node: usize| {
        let column = u32::try_from(layer[node]).unwrap_or(u32::MAX);
        (f64::from(column) * STEP.0, height[node] - tall / 2.0)
    };
    let nodes: Vec<_> = (0..lines.nodes).map(corner).collect();
    let ends = ends(lines, points, height);
    let mut edges = Vec::new();
    for (edge, (from, to)) in lines.edges.iter().enumerate() {
        if from == to {
            edges.push(Vec::new());
            continue;
        }
        let way = &points.ways[edge];
        let (low, high) = (way[0], way[way.len() - 1]);
        let flat = layer[low] == layer[high];
        let mut line = vec![(nodes[low].0 + width, height[low] + ends[edge].0)];
        for (steps, point) in way[1..way.len() - 1].iter().enumerate() {
            let column = u32::try_from(layer[low] + 1 + steps).unwrap_or(u32::MAX);
            let left = f64::from(column) * STEP.0;
            line.extend([(left, height[*point]), (left + width, height[*point])]);
        }
        let end = if flat { nodes[high].0 + width } else { nodes[high].0 };
        line.push((end, height[high] + ends[edge].1));
        if low != *from {
            line.reverse();
        }
        edges.push(line);
    }
    let lowest = nodes.iter().map(|(_, y)| y + tall).fold(0.0, f64::max);
    let right = nodes.iter().map(|(x, _)| x + width).fold(0.0, f64::max);
    Layout { nodes, edges, size: (right, lowest) }
}

/// How far from the middle of its nodes each edge ends: at its lower layer, at its higher.
fn ends(lines: &Lines, points: &Points, height: &[f64]) -> Vec<(f64, f64)> {
    let mut sides: HashMap<(usize, bool), Vec<(usize, f64)>> = HashMap::new();
    for (edge, way) in
        points.ways.iter().enumerate().filter(|(edge, _)| lines.edges[*edge].0 != lines.edges[*edge].1)
    {
        let (first, last) = (way[0], way[way.len() - 1]);
        sides.entry((first, true)).or_default().push((edge, height[way[1]]));
        sides.entry((last, false)).or_default().push((edge, height[way[way.len() - 2]]));
    }
    let mut ends = vec![(0.0, 0.0); lines.edges.len()];
    for ((_, leaves), mut side) in sides {
        side.sort_by(|one, two| one.1.total_cmp(&two.1).then(one.0.cmp(&two.0)));
        let count = f64::from(u32::try_from(side.len()).unwrap_or(u32::MAX));
        let gap = ((BOX.1 - 10.0) / count).min(14.0);
        let mut offset = -gap * (count - 1.0) / 2.0;
        for (edge, _) in side {
            if leaves {
                ends[edge].0 = offset;
            } else {
                ends[edge].1 = offset;
            }
            offset += gap;
        }
    }
    ends
}

#[cfg(test)]
mod tests;
