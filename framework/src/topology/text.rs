//! The graph as a tree of lines, from clients to servers.

use std::collections::{HashMap, HashSet};

use super::graph::{Edge, Graph, Node};
use super::words;

/// Deepest branch; what goes on is shown where its own tree begins.
const DEEPEST: usize = 12;

/// Lines of the tree: what stands on the left, and what is known of the edge.
struct Tree<'a> {
    nodes: HashMap<&'a str, &'a Node>,
    out: HashMap<&'a str, Vec<&'a Edge>>,
    shown: HashSet<&'a str>,
    lines: Vec<(String, String)>,
}

/// An edge whose line is to come.
struct Branch<'a> {
    edge: &'a Edge,
    /// What stands before its own branch.
    before: String,
    last: bool,
    depth: usize,
}

/// The graph for a terminal.
#[must_use]
pub fn text(graph: &Graph) -> String {
    let mut tree = Tree {
        nodes: graph.nodes.iter().map(|node| (node.id.as_str(), node)).collect(),
        out: HashMap::new(),
        shown: HashSet::new(),
        lines: Vec::new(),
    };
    for edge in &graph.edges {
        tree.out.entry(&edge.from).or_default().push(edge);
    }
    let reached: HashSet<&str> =
        graph.edges.iter().filter(|edge| edge.from != edge.to).map(|edge| edge.to.as_str()).collect();
    // Clients first; then what lies on circles that no client leads to.
    let (circles, clients): (Vec<&Edge>, Vec<&Edge>) =
        graph.edges.iter().partition(|edge| reached.contains(edge.from.as_str()));
    for edge in clients.into_iter().chain(circles) {
        if !tree.shown.contains(edge.from.as_str()) {
            tree.grow(&edge.from);
        }
    }
    let widest = tree.lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (left, right) in &tree.lines {
        text.push_str(format!("{left:widest$}  {right}").trim_end());
        text.push('\n');
    }
    for note in &graph.notes {
        text.push_str(&format!("{}\n", words::sentence(note)));
    }
    text.push_str(&format!("by {}: {}\n", graph.by.name(), words::summary(graph)));
    text
}

impl<'a> Tree<'a> {
    /// Adds a node that begins a tree, with all that it leads to.
    fn grow(&mut self, root: &'a str) {
        self.shown.insert(root);
        let name = self.name(root);
        self.lines.push((name, String::new()));
        let mut waiting = self.branches(root, "", 0);
        while let Some(branch) = waiting.pop() {
            let turn = if branch.last { "└─" } else { "├─" };
            let to = branch.edge.to.as_str();
            let leads = self.out.contains_key(to);
            let again = leads && (branch.depth == DEEPEST || !self.shown.insert(to));
            let more = if again { " …" } else { "" };
            let left = format!("{}{turn} :{} {}{more}", branch.before, branch.edge.port, self.name(to));
            self.lines.push((left, known(branch.edge)));
            if !again {
                let before = format!("{}{}", branch.before, if branch.last { "   " } else { "│  " });
                waiting.extend(self.branches(to, &before, branch.depth + 1));
            }
        }
    }

    /// What leads away from a node, in the order in which it is taken from the end.
    fn branches(&self, from: &str, before: &str, depth: usize) -> Vec<Branch<'a>> {
        let edges = self.out.get(from).map_or(&[][..], Vec::as_slice);
        let branch = |(at, edge): (usize, &&'a Edge)| Branch {
            edge,
            before: before.to_owned(),
            last: at + 1 == edges.len(),
            depth,
        };
        edges.iter().enumerate().map(branch).rev().collect()
    }

    fn name(&self, id: &str) -> String {
        let Some(node) = self.nodes.get(id) else { return words::plain(id) };
        let detail = words::detail(node);
        format!("{} ({detail})", words::plain(&node.name))
    }
}

fn known(edge: &Edge) -> String {
    let to_server = words::rate(edge.to_server_bytes_per_second);
    let to_client = words::rate(edge.to_client_bytes_per_second);
    let rates = format!("{to_server:>8} → {to_client:>8} ←");
    [rates].into_iter().chain(words::health(edge)).collect::<Vec<_>>().join(" · ")
}
