//! `GET /topology`: who talks to whom, for programs, people and Graphviz.

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::reply::{self, Failure};
use super::view::{Api, View};
use crate::catalog::resolve;
use crate::clock::mono_ms;
use crate::config::Selectors;
use crate::config::json::Issue;
use crate::supervise::{StateName, Supervisor};
use crate::topology::{By, Graph, TABLES, Topology, cut, dot, html, text};

/// Most edges that anybody may ask for.
const MOST: usize = 1_000_000;
/// Most edges that a page draws.
const DRAWN: usize = 1000;

/// How the graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Json,
    Dot,
    Html,
    Text,
}

impl Format {
    const ALL: [(&'static str, Self); 4] =
        [("json", Self::Json), ("dot", Self::Dot), ("html", Self::Html), ("text", Self::Text)];

    /// How many edges there are where nobody says it, and how many there may be.
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Json => (100_000, MOST),
            Self::Dot | Self::Text => (500, MOST),
            Self::Html => (150, DRAWN),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    format: Format,
    by: By,
    limit: Option<usize>,
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Vec<Issue>> {
        let mut asked = Self::default();
        let mut issues = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let wrong = |wanted: &str| Issue::new(format!("?{name}"), &value.into(), wanted);
            match name {
                "format" => match Format::ALL.iter().find(|(known, _)| *known == value) {
                    Some((_, format)) => asked.format = *format,
                    None => issues.push(wrong("json, dot, html or text")),
                },
                "by" => match By::parse(value) {
                    Some(by) => asked.by = by,
                    None => issues.push(wrong("process, container or pod")),
                },
                "limit" => match value.parse().ok().filter(|limit| (1..=MOST).contains(limit)) {
                    Some(limit) => asked.limit = Some(limit),
                    None => issues.push(wrong("a number of flows from 1 to 1000000")),
                },
                _ => issues.push(wrong("format, by or limit")),
            }
        }
        if issues.is_empty() { Ok(asked) } else { Err(issues) }
    }

    fn limit(self) -> usize {
        let (usual, most) = self.format.limits();
        self.limit.unwrap_or(usual).min(most)
    }
}

pub(super) async fn topology(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let asked = Asked::parse(query.as_deref().unwrap_or_default())?;
    // One after the other, so that what a graph takes is taken once.
    let turn = api.drawing.clone().acquire_owned().await;
    let (view, supervisor, topology) = (api.now(), api.supervisor.clone(), api.topology.clone());
    let made = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        answer(asked, &topology, &view, &supervisor)
    });
    made.await.map_err(|error| {
        tracing::error!(%error, "Making a graph failed.");
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the graph could not be made; the agent's log says why",
        )
    })
}

fn answer(asked: Asked, topology: &Topology, view: &View, supervisor: &Supervisor) -> Response {
    let mut graph = topology.graph(asked.by, mono_ms());
    graph.notes.extend(notes(&graph, view, supervisor));
    cut(&mut graph, asked.limit());
    let (kind, body) = match asked.format {
        Format::Json => return reply::json(StatusCode::OK, &graph),
        Format::Dot => ("text/vnd.graphviz; charset=utf-8", dot(&graph)),
        Format::Html => ("text/html; charset=utf-8", html(&graph)),
        Format::Text => ("text/plain; charset=utf-8", text(&graph)),
    };
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Why the graph lacks what one would expect, and what to do.
fn notes(graph: &Graph, view: &View, supervisor: &Supervisor) -> Vec<String> {
    let [traffic, _] = TABLES;
    let folders = view.catalog.folders.values();
    let found = folders.filter_map(|folder| {
        let table = folder.manifest.tables.iter().find(|table| table.name == traffic.table)?;
        let probe = folder.manifest.probes.iter().find(|probe| probe.name == table.probe)?;
        Some((folder, table, probe))
    });
    let Some((folder, table, probe)) = found.into_iter().next() else {
        return vec![format!(
            "No installed probe has the table {}, of which traffic is read. Install the folder of one in a folder of [folders].",
            traffic.table
        )];
    };
    let name = &probe.name;
    let resolved = resolve(&view.running, probe);
    if !resolved.running {
        return vec![format!(
            "The probe {name}, which tells of traffic, does not run. Start it: gopher-ctl probe start {name}"
        )];
    }
    let mut notes = Vec::new();
    if !probe.scope.is_empty()
        && view.running.scope_of(name).is_none_or(|scope| !scope.all && scope.select == Selectors::default())
    {
        notes.push(format!(
            "The probe {name} has nobody in its scope. Give it one: gopher-ctl probe set {name} '{{\"snoopers\":{{\"all\":true}}}}'"
        ));
    }
    let state = supervisor.statuses().into_iter().find(|status| status.folder == folder.name);
    if let Some(status) = state.filter(|status| status.state != StateName::Running) {
        notes.push(format!("The probe {name} is {}. Why: gopher-ctl probe list", status.state.as_str()));
    }
    let is_off = |field: &&str| {
        let field = table.field(field).and_then(|at| table.fields.get(at));
        field.and_then(|field| field.item.as_ref()).is_some_and(|item| !resolved.items.contains(item))
    };
    let off: Vec<&str> = traffic.fields.iter().copied().filter(|field| is_off(field)).collect();
    if !off.is_empty() {
        notes.push(format!(
            "Switched off at the probe {name}: {}. gopher-ctl table {} names their items, gopher-ctl probe set switches them on.",
            off.join(", "),
            traffic.table
        ));
    }
    let every =
        resolved.params.get("report_period").map(|period| format!(" of {period} s")).unwrap_or_default();
    if graph.edges.is_empty() {
        notes.push(format!(
            "The probe {name} has told of no flow yet; it does at the end of a report period{every}."
        ));
    } else if off.is_empty() && graph.edges.iter().all(|edge| edge.rate().is_none()) {
        notes.push(format!(
            "No rate is known yet. The probe {name} tells it, at the end of a report period{every}, of flows with an end in its scope."
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_format_nodes_and_limit() {
        assert_eq!(Asked::parse("").unwrap(), Asked::default());
        let asked = Asked::parse("format=html&by=pod&limit=5000").unwrap();
        assert_eq!((asked.format, asked.by, asked.limit()), (Format::Html, By::Pod, DRAWN));
        for (query, words) in [
            ("format=svg", "json, dot, html or text"),
            ("by=host", "process, container or pod"),
            ("limit=0", "from 1 to"),
            ("limit=x", "from 1 to"),
            ("lines=3", "format, by or limit"),
        ] {
            let issues = Asked::parse(query).unwrap_err();
            assert!(issues[0].to_string().contains(words), "{query}: {}", issues[0]);
        }
    }
}
