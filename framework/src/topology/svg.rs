//! The graph as a drawing. Colours are those of the page's style sheet.

use std::collections::HashMap;
use std::fmt::{Arguments, Write as _};

use super::graph::{Edge, Graph, Kind, Node};
use super::health::{Health, width};
use super::layout::{BOX, Layout, lay_out};
use super::words;

/// Room around the drawing.
const MARGIN: f64 = 34.0;
/// Width, for most, and height of the plate below a label.
const PLATE: (f64, f64) = (112.0, 28.0);
/// From so many edges on their labels are shown only where one looks closer.
const DENSE: usize = 60;
/// How far apart the control points of a curve are from its ends where both are in one layer.
const BULGE: f64 = 70.0;

/// Text as content or attribute of an element.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if letter.is_control() && letter != '\n' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A text that grows; writing to a String does not fail.
#[derive(Default)]
pub(super) struct Text(pub(super) String);

impl Text {
    pub(super) fn add(&mut self, more: Arguments<'_>) {
        self.0.write_fmt(more).unwrap_or_default();
    }
}

/// The graph as an `svg` element.
pub(super) fn svg(graph: &Graph) -> String {
    let layout = lay_out(graph);
    let (width, height) = (layout.size.0 + 2.0 * MARGIN, layout.size.1 + 2.0 * MARGIN);
    let dense = if graph.edges.len() > DENSE { " class=\"dense\"" } else { "" };
    let mut text = Text::default();
    text.add(format_args!(
        "<svg id=\"graph\"{dense} xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"-{MARGIN} -{MARGIN} {width:.0} {height:.0}\" role=\"img\" aria-label=\"Flows between nodes\">\n<defs>"
    ));
    for (_, name, ..) in Health::ALL {
        text.add(format_args!(
            "<marker id=\"to-{name}\" viewBox=\"0 0 10 10\" refX=\"8\" refY=\"5\" markerWidth=\"14\" markerHeight=\"13\" \
             markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip {name}\" d=\"M0 0L10 5L0 10Z\"/></marker>"
        ));
    }
    text.add(format_args!("</defs>\n"));
    edges(graph, &layout, &mut text);
    for (at, node) in graph.nodes.iter().enumerate() {
        draw_node(node, at, layout.nodes[at], &mut text);
    }
    text.add(format_args!("</svg>\n"));
    text.0
}

fn edges(graph: &Graph, layout: &Layout, text: &mut Text) {
    let places: HashMap<&str, usize> =
        graph.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
    let (mut leaving, mut coming) = (vec![0; graph.nodes.len()], vec![0; graph.nodes.len()]);
    let place = |id: &str| places.get(id).copied().unwrap_or(0);
    for edge in &graph.edges {
        leaving[place(&edge.from)] += 1;
        coming[place(&edge.to)] += 1;
    }
    let (mut labels, mut plates) = (Text::default(), Plates::default());
    for (edge, way) in graph.edges.iter().zip(&layout.edges) {
        let (from, to) = (place(&edge.from), place(&edge.to));
        let (path, label) = if way.is_empty() {
            own_loop(layout.nodes[from])
        } else {
            (curve(way), plates.place(way, leaving[from] > 1, coming[to] > 1))
        };
        let health = Health::of(edge).name();
        let silent = if edge.is_silent() { " silent" } else { "" };
        let class = format!("edge {health}{silent}");
        let title = escaped(&title(edge, &graph.nodes[from], &graph.nodes[to]));
        text.add(format_args!(
            "<g class=\"{class}\" data-from=\"{from}\" data-to=\"{to}\"><title>{title}</title><path class=\"hit\" d=\"{path}\"/>\
             <path class=\"line\" d=\"{path}\" stroke-width=\"{:.1}\" marker-end=\"url(#to-{health})\"/></g>\n",
            width(edge)
        ));
        draw_label(edge, label, (from, to), &mut labels);
    }
    text.0.push_str(&labels.0);
}

fn draw_label(edge: &Edge, (x, y): (f64, f64), (from, to): (usize, usize), text: &mut Text) {
    let first = format!(":{} {}", edge.port, words::rate(edge.rate()));
    let health = words::health(edge);
    let shown: Vec<_> = health.iter().filter(|words| !words.starts_with("0 %")).map(String::as_str).collect();
    let second = shown.join(" · ");
    let (wide, tall) = (plate_width(&first, &second), if second.is_empty() { 16.0 } else { PLATE.1 });
    let base = if second.is_empty() { y + 4.0 } else { y - 2.0 };
    text.add(format_args!(
        "<g class=\"label {}\" data-from=\"{from}\" data-to=\"{to}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{tall}\" rx=\"5\"/>\
         <text x=\"{x:.1}\" y=\"{base:.1}\">{}</text><text class=\"minor\" x=\"{x:.1}\" y=\"{:.1}\">{}</text></g>\n",
        Health::of(edge).name(),
        x - wide / 2.0,
        y - tall / 2.0,
        escaped(&first),
        y + 10.0,
        escaped(&second)
    ));
}

/// How wide the plate of a label is, in the sizes of the style sheet.
fn plate_width(first: &str, second: &str) -> f64 {
    let count = |text: &str| f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
    (count(first) * 6.9).max(count(second) * 5.9) + 10.0
}

/// Places of labels that are taken.
#[derive(Default)]
struct Plates {
    taken: Vec<(f64, f64)>,
}

impl Plates {
    /// A place on the line that no label has, as far as there is one. Lines that come from one node part on their way,
    /// lines to one node meet: where they are apart is tried first.
    fn place(&mut self, way: &[(f64, f64)], parts: bool, meets: bool) -> (f64, f64) {
        let tries = match (parts, meets) {
            (true, false) => [0.58, 0.66, 0.5, 0.75, 0.34],
            (false, true) => [0.42, 0.34, 0.5, 0.25, 0.66],
            (true, true) => [0.36, 0.64, 0.5, 0.25, 0.75],
            _ => [0.5, 0.42, 0.58, 0.34, 0.66],
        }
        .map(|along| middle(way, along));
        let free = |place: &(f64, f64)| {
            let touches = |other: &&(f64, f64)| {
                (place.0 - other.0).abs() < PLATE.0 && (place.1 - other.1).abs() < PLATE.1 + 1.0
            };
            !self.taken.iter().any(|other| touches(&other))
        };
        let place = tries.iter().copied().find(free).unwrap_or(tries[0]);
        self.taken.push(place);
        place
    }
}

fn draw_node(node: &Node, at: usize, (x, y): (f64, f64), text: &mut Text) {
    let (width, height) = BOX;
    let class = node.kind.name();
    let mut title = vec![node.name.clone(), node.kind.name().to_owned()];
    title.extend(node.labels.iter().map(|(name, value)| format!("{name}: {value}")));
    title.extend(node.processes.iter().take(20).map(|(pid, name)| format!("pid {pid}: {name}")));
    let title: Vec<_> = title.iter().map(|line| escaped(&words::sentence(line))).collect();
    let round = if matches!(node.kind, Kind::Address | Kind::Listener) { height / 2.0 } else { 9.0 };
    text.add(format_args!(
        "<g class=\"node {class}\" data-node=\"{at}\" tabindex=\"0\"><title>{}</title>\
         <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>",
        title.join("\n")
    ));
    let middle = x + width / 2.0;
    text.add(format_args!(
        "<text class=\"name\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text><text class=\"minor\" x=\"{middle:.1}\" y=\"{:.1}\">{}</text></g>\n",
        y + 20.0,
        escaped(&shorter(&words::plain(&node.name), 20)),
        y + 36.0,
        escaped(&shorter(&[words::detail(node), words::ports(node)].join(" "), 30))
    ));
}

fn shorter(text: &str, longest: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest - 1).chain(['…']).collect()
}

fn title(edge: &Edge, from: &Node, to: &Node) -> String {
    let mut lines = vec![
        format!("{} → {}, port {}", words::plain(&from.name), words::plain(&to.name), edge.port),
        format!("to the server: {}", words::rate(edge.to_server_bytes_per_second)),
        format!("to the client: {}", words::rate(edge.to_client_bytes_per_second)),
    ];
    lines.extend(words::health(edge));
    lines.extend(edge.opened_per_second.map(|opened| format!("{opened:.1} connections a second")));
    lines.join("\n")
}

/// A curve through the points: bent between layers, straight where it passes one.
fn curve(way: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (at, (x, y)) in way.iter().enumerate() {
        let step = match at.checked_sub(1).map(|before| way[before]) {
            None => format!("M{x:.1} {y:.1}"),
            Some(_) if at % 2 == 0 => format!("L{x:.1} {y:.1}"),
            Some((from, level)) => {
                let (one, two) = controls(from, *x);
                format!("C{one:.1} {level:.1} {two:.1} {y:.1} {x:.1} {y:.1}")
            }
        };
        path.push_str(&step);
    }
    path
}

fn controls(from: f64, to: f64) -> (f64, f64) {
    if (from - to).abs() < 1.0 { (from + BULGE, to + BULGE) } else { ((from + to) / 2.0, (from + to) / 2.0) }
}

/// A point on the first curve of the way, or on the last where that is nearer to what sets the line apart.
fn middle(way: &[(f64, f64)], along: f64) -> (f64, f64) {
    let first = if along > 0.5 { way.len() - 2 } else { 0 };
    let (Some((x, y)), Some((end, level))) = (way.get(first), way.get(first + 1)) else { return (0.0, 0.0) };
    let (one, two) = controls(*x, *end);
    let back = 1.0 - along;
    let weights = [back.powi(3), 3.0 * back.powi(2) * along, 3.0 * back * along.powi(2), along.powi(3)];
    let mix = |points: [f64; 4]| points.iter().zip(weights).map(|(point, weight)| point * weight).sum();
    (mix([*x, one, two, *end]), mix([*y, *y, *level, *level]))
}

/// From a node to itself: above its right corner.
fn own_loop((x, y): (f64, f64)) -> (String, (f64, f64)) {
    let (left, right, above) = (x + BOX.0 - 60.0, x + BOX.0 - 24.0, y - 30.0);
    (
        format!("M{left:.1} {y:.1}C{left:.1} {above:.1} {right:.1} {above:.1} {right:.1} {y:.1}"),
        (x + BOX.0 - 42.0, y - 26.0),
    )
}
