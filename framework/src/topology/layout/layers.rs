//! A layer for each node: clients before servers, whatever lies on a circle somewhere between.

use super::Lines;

/// The layer of each node; edges lead to higher layers but for those that close a circle.
pub(super) fn layers(lines: &Lines) -> Vec<usize> {
    let mut out = vec![Vec::new(); lines.nodes];
    let mut count = vec![0_usize; lines.nodes];
    for (from, to) in lines.edges.iter().filter(|(from, to)| from != to) {
        out[*from].push(*to);
        count[*to] += 1;
    }
    let order = order(&out, &count);
    let mut turn = vec![0; lines.nodes];
    for (at, node) in order.iter().enumerate() {
        turn[*node] = at;
    }
    let mut layer = vec![0; lines.nodes];
    for node in &order {
        for to in out[*node].iter().filter(|to| turn[**to] > turn[*node]) {
            layer[*to] = layer[*to].max(layer[*node] + 1);
        }
    }
    pull(&order, &turn, &out, &mut layer);
    layer
}

/// The nodes so that most edges lead forward: each after those that lead to it. Where a circle is in the way, the node
/// comes first to which nodes lead that have had their turn, then the one with the fewest edges from what is left.
fn order(out: &[Vec<usize>], count: &[usize]) -> Vec<usize> {
    let mut left = count.to_vec();
    let mut done = vec![false; out.len()];
    let mut ready: Vec<usize> = (0..out.len()).rev().filter(|node| left[*node] == 0).collect();
    let mut order = Vec::with_capacity(out.len());
    while order.len() < out.len() {
        let next = ready.pop().or_else(|| {
            let open = (0..out.len()).filter(|node| !done[*node]);
            open.min_by_key(|node| (left[*node] == count[*node], left[*node], usize::MAX - out[*node].len()))
        });
        let Some(node) = next else { break };
        if std::mem::replace(&mut done[node], true) {
            continue;
        }
        order.push(node);
        for to in &out[node] {
            left[*to] = left[*to].saturating_sub(1);
            if left[*to] == 0 && !done[*to] {
                ready.push(*to);
            }
        }
    }
    order
}

/// Moves nodes as near to what they lead to as they may come, so that a client of a late server stands before it.
fn pull(order: &[usize], turn: &[usize], out: &[Vec<usize>], layer: &mut [usize]) {
    let mut reached = vec![false; layer.len()];
    for node in order {
        for to in out[*node].iter().filter(|to| turn[**to] > turn[*node]) {
            reached[*to] = true;
        }
    }
    for node in order.iter().rev().filter(|node| !reached[**node]) {
        let nearest = out[*node].iter().filter(|to| turn[**to] > turn[*node]).map(|to| layer[*to]).min();
        if let Some(nearest) = nearest {
            layer[*node] = nearest.saturating_sub(1).max(layer[*node]);
        }
    }
}
