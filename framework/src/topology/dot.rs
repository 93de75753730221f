//! The graph for Graphviz.

use std::fmt::Write as _;

use super::graph::{Graph, Kind};
use super::health::{Health, width};
use super::words;

/// The graph in the DOT language (<https://graphviz.org/doc/info/lang.html>).
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut text = String::from(
        "digraph topology {\n  rankdir=LR; nodesep=0.4; ranksep=1.2;\n  \
         node [fontname=\"Helvetica\", fontsize=11, shape=box, style=\"rounded,filled\", fillcolor=\"#eef2f6\", color=\"#66758a\"];\n  \
         edge [fontname=\"Helvetica\", fontsize=9];\n",
    );
    // Writing to a String does not fail.
    let mut add = |line: std::fmt::Arguments<'_>| text.write_fmt(line).unwrap_or_default();
    add(format_args!("  label={};\n", quoted(&heading(graph))));
    for node in &graph.nodes {
        let below = [words::detail(node), words::ports(node)].join(" ");
        let label = quoted(&format!("{}\n{}", words::plain(&node.name), below.trim()));
        let look = match node.kind {
            Kind::Process | Kind::Container | Kind::Pod => "",
            Kind::Address => ", shape=ellipse, style=dashed",
            Kind::Listener => ", shape=diamond, style=dashed",
        };
        add(format_args!("  {} [label={label}{look}];\n", quoted(&node.id)));
    }
    for edge in &graph.edges {
        let to_client = words::rate(edge.to_client_bytes_per_second);
        let mut label =
            format!(":{}\n{} → {to_client} ←", edge.port, words::rate(edge.to_server_bytes_per_second));
        let health = words::health(edge).join(" · ");
        if !health.is_empty() {
            label.push_str(&format!("\n{health}"));
        }
        let (from, to, label) = (quoted(&edge.from), quoted(&edge.to), quoted(&label));
        let colour = Health::of(edge).colour();
        let style = if edge.is_silent() { "dashed" } else { "solid" };
        let width = width(edge);
        add(format_args!(
            "  {from} -> {to} [label={label}, penwidth={width:.1}, color=\"{colour}\", style={style}];\n"
        ));
    }
    text.push_str("}\n");
    text
}

fn heading(graph: &Graph) -> String {
    let mut lines = vec![format!("by {}: {}", graph.by.name(), words::summary(graph))];
    lines.extend(graph.notes.iter().map(|note| words::sentence(note)));
    lines.join("\n")
}

/// A string of the language; a backslash would begin an escape sequence of labels.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            letter if letter.is_control() => quoted.push('\u{fffd}'),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_quotes() {
        assert_eq!(quoted("a\"]; b -> c [\\N\n\0"), "\"a\\\"]; b -> c [\\\\N\\n\u{fffd}\"");
    }
}
