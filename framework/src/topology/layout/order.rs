//! The order of points within their layers, with few crossings.

use super::Points;

/// Sweeps forward and back; more make no difference that one sees.
const SWEEPS: usize = 12;

/// Sorts each layer by the middle of the neighbours in the layer before, then after, and so on; keeps the best.
pub(super) fn sort(points: &mut Points) {
    let mut rank = vec![0; points.before.len()];
    ranks(points, &mut rank);
    let mut best = (crossings(points, &rank), points.layers.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let count = points.layers.len();
        for step in 1..count {
            let layer = if forward { step } else { count - 1 - step };
            let neighbours = if forward { &points.before } else { &points.after };
            let mut keyed: Vec<(f64, usize)> = points.layers[layer]
                .iter()
                .map(|point| (middle(&neighbours[*point], &rank).unwrap_or(real(rank[*point])), *point))
                .collect();
            keyed.sort_by(|one, two| one.0.total_cmp(&two.0).then(rank[one.1].cmp(&rank[two.1])));
            points.layers[layer] = keyed.into_iter().map(|(_, point)| point).collect();
            for (at, point) in points.layers[layer].iter().enumerate() {
                rank[*point] = at;
            }
        }
        let now = crossings(points, &rank);
        if now < best.0 {
            best = (now, points.layers.clone());
        }
        if best.0 == 0 {
            break;
        }
    }
    points.layers = best.1;
}

fn ranks(points: &Points, rank: &mut [usize]) {
    for layer in &points.layers {
        for (at, point) in layer.iter().enumerate() {
            rank[*point] = at;
        }
    }
}

fn real(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn middle(neighbours: &[usize], rank: &[usize]) -> Option<f64> {
    let sum: usize = neighbours.iter().map(|point| rank[*point]).sum();
    (!neighbours.is_empty()).then(|| real(sum) / real(neighbours.len()))
}

/// How many pairs of edges cross. The ends of edges in the order of their beginnings are counted by a tree of sums, so
/// that thousands of edges take no time.
fn crossings(points: &Points, rank: &[usize]) -> usize {
    let mut all = 0;
    for pair in points.layers.windows(2) {
        let mut ends: Vec<(usize, usize)> = Vec::new();
        for point in &pair[0] {
            ends.extend(points.after[*point].iter().map(|to| (rank[*point], rank[*to])));
        }
        ends.sort_unstable();
        let mut sums = vec![0_usize; pair[1].len() + 1];
        for (seen, (_, to)) in ends.iter().enumerate() {
            let (mut at, mut before) = (to + 1, 0);
            while at > 0 {
                before += sums[at];
                at &= at - 1;
            }
            all += seen - before;
            let mut at = to + 1;
            while at < sums.len() {
                sums[at] += 1;
                at += at & at.wrapping_neg();
            }
        }
    }
    all
}
