//! Numbers and names as people read them, and as nothing can misread them.

use super::graph::{Edge, Graph, Node};

/// Longest name that is drawn, in characters.
const LONGEST: usize = 32;

/// A number with three digits at the most and a unit of 1000s.
fn scaled(value: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    if value < 9.95 && value.fract() != 0.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// Bytes a second.
pub(super) fn rate(bytes: Option<f64>) -> String {
    bytes.map_or_else(|| "? B/s".to_owned(), |bytes| scaled(bytes, &["B/s", "kB/s", "MB/s", "GB/s"]))
}

/// A time.
pub(super) fn time(seconds: f64) -> String {
    if seconds >= 1.0 { scaled(seconds, &["s"]) } else { scaled(seconds * 1e6, &["µs", "ms"]) }
}

/// A share as percent.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        percent if percent < 0.01 => "<0.01 %".to_owned(),
        percent if percent < 1.0 => format!("{percent:.2} %"),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// What is known of an edge beside its traffic: round-trip time, loss, failures, silence.
pub(super) fn health(edge: &Edge) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(edge.rtt_seconds.map(time));
    words.extend(edge.loss_ratio.map(|loss| format!("{} lost", percent(loss))));
    words.extend(edge.failed.filter(|failed| *failed > 0.0).map(|failed| format!("{failed:.0} failed")));
    words.extend(edge.is_silent().then(|| format!("silent for {}", time(edge.age_seconds.round()))));
    words
}

/// A name without what a terminal or a reader could take for something else, and not too long.
pub(super) fn plain(name: &str) -> String {
    let harmless = |letter: char| {
        let misleads = letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if misleads { '\u{fffd}' } else { letter }
    };
    if name.is_empty() {
        return "?".to_owned();
    }
    let short: String = name.chars().take(LONGEST).map(harmless).collect();
    if name.chars().count() > LONGEST { format!("{}…", short.trim_end()) } else { short }
}

/// A text of any length without what could be taken for something else.
pub(super) fn sentence(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// What stands below a node's name.
pub(super) fn detail(node: &Node) -> String {
    let mut words = Vec::new();
    match node.processes.len() {
        0 => words.push(node.kind.name().to_owned()),
        1 => words.extend(node.processes.keys().map(|pid| format!("pid {}", plain(pid)))),
        many => words.push(format!("{many} processes")),
    }
    let label = |name| node.labels.get(name).map(|value: &String| plain(value));
    let container = label("container_name").or_else(|| label("container_id"));
    match node.kind {
        super::Kind::Process => words.extend(label("pod").or(container)),
        super::Kind::Container => words.extend(label("pod").or_else(|| label("container_image"))),
        _ => {}
    }
    words.join(" · ")
}

/// The ports on which it serves, as `:80 :443`.
pub(super) fn ports(node: &Node) -> String {
    let shown: Vec<_> = node.ports.iter().take(3).map(|port| format!(":{port}")).collect();
    let more = if node.ports.len() > 3 { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

/// How much there is and how much was left out.
pub(super) fn summary(graph: &Graph) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    let all = format!("{}, {}", count(nodes, "node"), count(edges, "flow"));
    if graph.omitted.edges == 0 {
        return all;
    }
    let whole = graph.omitted.edges + edges;
    format!("{all}: those with the highest rates of {}; limit={whole} shows all", count(whole, "flow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_few_digits_and_a_unit() {
        let rates = [None, Some(0.0), Some(12.0), Some(999.6), Some(1234.0), Some(5.6e7)];
        assert_eq!(rates.map(rate), ["? B/s", "0 B/s", "12 B/s", "1.0 kB/s", "1.2 kB/s", "56 MB/s"]);
        assert_eq!(
            [4e-5, 0.00123, 0.25, 3.5, 61.0].map(time),
            ["40 µs", "1.2 ms", "250 ms", "3.5 s", "61 s"]
        );
        assert_eq!([0.0, 0.000_01, 0.0123, 0.5].map(percent), ["0 %", "<0.01 %", "1.2 %", "50 %"]);
    }

    #[test]
    fn names_are_short_and_harmless() {
        assert_eq!(plain("a\x1b[2J\u{202e}b\n"), "a\u{fffd}[2J\u{fffd}b\u{fffd}");
        assert_eq!(plain(&"x".repeat(100)).chars().count(), LONGEST + 1);
        assert_eq!(plain(""), "?");
    }
}
