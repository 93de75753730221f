//! Heights of points: each near the middle of its neighbours, none too near to the next of its layer.

use super::{Points, STEP};

/// Rounds of moving; the last forward one leaves servers at the middle of their clients.
const ROUNDS: usize = 24;

/// The height of the middle of each point, from 0.
pub(super) fn place(points: &Points) -> Vec<f64> {
    let mut height = vec![0.0; points.before.len()];
    for layer in &points.layers {
        let mut next = 0.0;
        for point in layer {
            height[*point] = next + room(points, *point);
            next = height[*point] + room(points, *point);
        }
    }
    let count = points.layers.len();
    for round in 0..ROUNDS {
        for step in 0..count {
            let forward = round % 2 == 0;
            let layer = if forward { step } else { count - 1 - step };
            settle(points, layer, forward, &mut height);
        }
    }
    let top = points.layers.iter().flatten().map(|point| height[*point] - room(points, *point));
    let top = top.fold(f64::INFINITY, f64::min);
    height.iter_mut().for_each(|height| *height -= top);
    height
}

/// Half of the room that a point takes; an edge that passes needs less than a node.
fn room(points: &Points, point: usize) -> f64 {
    if points.is_node(point) { STEP.1 / 2.0 } else { STEP.1 / 5.0 }
}

/// Moves the points of a layer to where they would like to be; those that would come too near to each other share
/// what is between them.
fn settle(points: &Points, layer: usize, forward: bool, height: &mut [f64]) {
    // Runs of points that touch: where the first is, how many there are, the sum of what they would like.
    struct Run {
        begin: usize,
        count: f64,
        wished: f64,
    }
    let order = &points.layers[layer];
    // Offsets make all distances equal to zero, so that a run is at one place.
    let mut offset = Vec::with_capacity(order.len());
    let mut next = 0.0;
    for point in order {
        next += room(points, *point);
        offset.push(next);
        next += room(points, *point);
    }
    let mut runs: Vec<Run> = Vec::new();
    for (at, point) in order.iter().enumerate() {
        let wished = wish(points, *point, forward, height) - offset[at];
        let mut run = Run { begin: at, count: 1.0, wished };
        while let Some(above) = runs.pop_if(|above| above.wished / above.count >= run.wished / run.count) {
            run =
                Run { begin: above.begin, count: above.count + run.count, wished: above.wished + run.wished };
        }
        runs.push(run);
    }
    let mut end = order.len();
    for run in runs.iter().rev() {
        for at in run.begin..end {
            height[order[at]] = run.wished / run.count + offset[at];
        }
        end = run.begin;
    }
}

/// Where a point would like to be: at the mean of its neighbours, those on the side that was settled last first.
fn wish(points: &Points, point: usize, forward: bool, height: &[f64]) -> f64 {
    let sides = [&points.before[point], &points.after[point]];
    let (first, other) = if forward { (sides[0], sides[1]) } else { (sides[1], sides[0]) };
    let side = if first.is_empty() { other } else { first };
    if side.is_empty() {
        return height[point];
    }
    let sum: f64 = side.iter().map(|point| height[*point]).sum();
    sum / f64::from(u32::try_from(side.len()).unwrap_or(u32::MAX))
}
