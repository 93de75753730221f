//! The graph as a page that needs nothing else: no file, no network, no library.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};

use super::ends::By;
use super::graph::{Edge, Graph};
use super::health::{Health, width_of};
use super::svg::{Text, escaped, svg};
use super::words;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The page. Its own rules let the browser run our script and no other, whatever a name says.
#[must_use]
pub fn html(graph: &Graph) -> String {
    let mut page = Text::default();
    let host = graph.host.as_deref().map(words::sentence).unwrap_or_default();
    let title = if host.is_empty() { "Topology".to_owned() } else { format!("Topology of {host}") };
    page.add(format_args!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        hash(STYLE),
        hash(SCRIPT),
        escaped(&title)
    ));
    head(graph, &title, &mut page);
    for note in &graph.notes {
        page.add(format_args!("<p class=\"note\">{}</p>\n", escaped(&words::sentence(note))));
    }
    if graph.edges.is_empty() {
        page.add(format_args!("<p class=\"empty\">No flows.</p>\n"));
    } else {
        page.add(format_args!("<figure tabindex=\"0\">\n{}</figure>\n", svg(graph)));
        legend(&mut page);
        table(graph, &mut page);
    }
    page.add(format_args!("<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    page.0
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

fn head(graph: &Graph, title: &str, page: &mut Text) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(graph.time);
    page.add(format_args!(
        "<header>\n<div><h1>{}</h1>\n<p>{} · {}</p></div>\n<nav id=\"by\" aria-label=\"Nodes\">",
        escaped(title),
        escaped(&words::summary(graph)),
        httpdate::fmt_http_date(time)
    ));
    for (name, by) in By::ALL {
        let current = if by == graph.by { " aria-current=\"true\"" } else { "" };
        page.add(format_args!("<a href=\"?format=html&amp;by={name}\"{current}>{name}</a>"));
    }
    page.add(format_args!(
        "</nav>\n<input id=\"filter\" type=\"search\" placeholder=\"Filter: name, address, port\" aria-label=\"Filter\">\n</header>\n"
    ));
}

fn legend(page: &mut Text) {
    page.add(format_args!("<ul id=\"legend\">\n"));
    for (_, name, meaning, _) in Health::ALL {
        page.add(format_args!(
            "<li><svg width=\"34\" height=\"12\" aria-hidden=\"true\"><path class=\"line {name}\" d=\"M0 6H34\" stroke-width=\"4\"/></svg>{}</li>\n",
            escaped(meaning)
        ));
    }
    for (rate, words) in [(1e3, "1 kB/s"), (1e6, "1 MB/s"), (1e9, "1 GB/s")] {
        page.add(format_args!(
            "<li><svg width=\"34\" height=\"12\" aria-hidden=\"true\"><path class=\"line unknown\" d=\"M0 6H34\" stroke-width=\"{:.1}\"/></svg>{words}</li>\n",
            width_of(rate)
        ));
    }
    page.add(format_args!(
        "<li><svg width=\"34\" height=\"14\" aria-hidden=\"true\"><rect class=\"address\" x=\"1\" y=\"1\" width=\"32\" height=\"12\" rx=\"6\"/></svg>no observed process</li>\n</ul>\n"
    ));
}

fn table(graph: &Graph, page: &mut Text) {
    let place = |id: &str| graph.nodes.binary_search_by(|node| node.id.as_str().cmp(id)).ok();
    page.add(format_args!(
        "<div class=\"flows\"><table id=\"flows\">\n<caption>Flows, from client to server</caption>\n<thead><tr><th>client</th><th>server</th>\
         <th>port</th><th>to server</th><th>to client</th><th>round trip</th><th>lost</th><th>opened</th><th>failed</th></tr></thead>\n<tbody>\n"
    ));
    for edge in &graph.edges {
        let (from, to) = (place(&edge.from).unwrap_or(0), place(&edge.to).unwrap_or(0));
        let name = |at: usize| {
            graph.nodes.get(at).map_or_else(String::new, |node| {
                let (name, detail) = (words::plain(&node.name), words::detail(node));
                format!("{} <small>{}</small>", escaped(&name), escaped(&detail))
            })
        };
        page.add(format_args!(
            "<tr class=\"{}\" data-from=\"{from}\" data-to=\"{to}\"><td>{}</td><td>{}</td><td>{}</td>",
            Health::of(edge).name(),
            name(from),
            name(to),
            edge.port
        ));
        for cell in cells(edge) {
            page.add(format_args!("<td>{}</td>", escaped(&cell)));
        }
        page.add(format_args!("</tr>\n"));
    }
    page.add(format_args!("</tbody>\n</table></div>\n"));
}

fn cells(edge: &Edge) -> [String; 6] {
    let none = || "–".to_owned();
    [
        edge.to_server_bytes_per_second.map_or_else(none, |rate| words::rate(Some(rate))),
        edge.to_client_bytes_per_second.map_or_else(none, |rate| words::rate(Some(rate))),
        edge.rtt_seconds.map_or_else(none, words::time),
        edge.loss_ratio.map_or_else(none, words::percent),
        edge.opened_per_second.map_or_else(none, |opened| format!("{opened:.1}/s")),
        edge.failed.map_or_else(none, |failed| format!("{failed:.0}")),
    ]
}
