//! Layers, order and distances.

use super::*;

fn lines(nodes: usize, edges: &[(usize, usize)]) -> Lines {
    Lines { nodes, edges: edges.to_vec() }
}

fn laid_out(lines: &Lines) -> Layout {
    let layer = layers(lines);
    let mut points = Points::of(lines, &layer);
    sort(&mut points);
    let height = place(&points);
    draw(lines, &layer, &points, &height)
}

#[test]
fn clients_stand_before_servers_and_near_them() {
    // 0 → 1 → 2 → 3, and 4 → 3: 4 is drawn beside 2.
    assert_eq!(layers(&lines(5, &[(0, 1), (1, 2), (2, 3), (4, 3)])), [0, 1, 2, 3, 2]);
}

#[test]
fn circles_do_not_keep_nodes_from_a_layer() {
    let layer = layers(&lines(4, &[(0, 1), (1, 2), (2, 1), (2, 3), (3, 3)]));
    assert!(layer[0] < layer[1] && layer[1] < layer[2] && layer[2] < layer[3], "{layer:?}");
    assert_eq!(layers(&lines(2, &[(0, 1), (1, 0)])).iter().sum::<usize>(), 1);
}

#[test]
fn no_two_nodes_lie_over_each_other() {
    let edges: Vec<_> = (0..200).map(|number| (number * 7 % 60, number * 11 % 61)).collect();
    let layout = laid_out(&lines(61, &edges));
    for (at, one) in layout.nodes.iter().enumerate() {
        for two in &layout.nodes[..at] {
            let apart = (one.0 - two.0).abs() >= BOX.0 || (one.1 - two.1).abs() >= BOX.1;
            assert!(apart, "{one:?} {two:?}");
        }
    }
    assert!(
        layout
            .nodes
            .iter()
            .all(|(x, y)| *x >= 0.0 && *y >= 0.0 && x + BOX.0 <= layout.size.0 && y + BOX.1 <= layout.size.1)
    );
}

#[test]
fn lines_that_need_not_cross_do_not() {
    // Two stars whose leaves come in turn.
    let edges = [(0, 2), (1, 3), (0, 4), (1, 5), (0, 6), (1, 7)];
    let layout = laid_out(&lines(8, &edges));
    let height = |node: usize| layout.nodes[node].1;
    let (first, second) = if height(0) < height(1) { ([2, 4, 6], [3, 5, 7]) } else { ([3, 5, 7], [2, 4, 6]) };
    for one in first {
        for two in second {
            assert!(height(one) < height(two));
        }
    }
}

#[test]
fn a_line_over_several_layers_passes_beside_what_lies_between() {
    let layout = laid_out(&lines(3, &[(0, 1), (1, 2), (0, 2)]));
    let way = &layout.edges[2];
    assert_eq!(way.len(), 4);
    let (_, top) = layout.nodes[1];
    assert!(way[1].1 < top || way[1].1 > top + BOX.1, "{way:?} {:?}", layout.nodes);
}

#[test]
fn a_thousand_nodes_in_a_row_find_their_places() {
    let edges: Vec<_> = (0..999).map(|node| (node, node + 1)).chain([(999, 0)]).collect();
    let layout = laid_out(&lines(1000, &edges));
    assert!(layout.nodes.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
}
