//! Rows become flows, flows become edges; what both ends of a flow say becomes one edge.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ends::{Address, By, Nodes};
use super::graph::{Edge, Graph, Node, Omitted};
use super::measure::Measure;
use super::seen::{Row, Seen, Table, milliseconds};
use crate::clock::unix_ms;
use crate::store::Layout;

/// What tells flows apart, whichever end tells of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Flow<'a> {
    client: Address<'a>,
    server: Address<'a>,
    /// Empty where rows do not tell it.
    client_port: &'a str,
    server_port: u16,
}

/// The observed ends of a flow: nodes with what their rows say.
#[derive(Debug, Default)]
struct Ends {
    clients: BTreeMap<usize, Measure>,
    servers: BTreeMap<usize, Measure>,
}

/// Where the labels are that say whose a row is.
struct Places {
    tgid: usize,
    comm: Option<usize>,
    role: usize,
    client: usize,
    server: usize,
    client_port: Option<usize>,
    server_port: usize,
}

/// The labels without which a row is no end of a flow.
pub const NEEDED: [&str; 5] = ["tgid", "role", "client_ip", "server_ip", "server_port"];

impl Places {
    fn of(layout: &Layout) -> Result<Self, &'static str> {
        let at = |name: &str| layout.label_names().position(|known| known == name);
        let missing = NEEDED.into_iter().find(|name| at(name).is_none());
        if let Some(name) = missing {
            return Err(name);
        }
        let needed = |name| at(name).unwrap_or_default();
        Ok(Self {
            tgid: needed("tgid"),
            comm: at("comm"),
            role: needed("role"),
            client: needed("client_ip"),
            server: needed("server_ip"),
            client_port: at("client_port"),
            server_port: needed("server_port"),
        })
    }
}

pub(super) fn build(seen: &Seen, by: By, now: u64) -> Graph {
    let (mut nodes, mut flows, mut notes) = (Nodes::new(by), HashMap::new(), Vec::new());
    for table in &seen.tables {
        match Places::of(&table.layout) {
            Ok(places) => {
                let other = take(table, &places, &mut nodes, &mut flows);
                notes.extend((other > 0 && table.source == 0).then(|| nameless(table, other)));
            }
            Err(name) => notes.push(format!(
                "the table {} has no label {name}: its rows cannot be drawn. Its manifest is not the one of this agent's release",
                table.layout.table.name
            )),
        }
    }
    let mut edges = BTreeMap::new();
    for (flow, ends) in flows {
        join(&flow, ends, &mut nodes, &mut edges);
    }
    let nodes = nodes.into_all();
    let mut edges: Vec<_> = edges.into_iter().map(|(key, edge)| finish(key, edge, &nodes, now)).collect();
    edges.sort_by(|one, two| {
        let rate = |edge: &Edge| edge.rate().unwrap_or(-1.0);
        let name = |edge: &Edge| (edge.from.clone(), edge.to.clone(), edge.port);
        rate(two).total_cmp(&rate(one)).then_with(|| name(one).cmp(&name(two)))
    });
    let used: BTreeSet<&str> = edges.iter().flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]).collect();
    let mut nodes: Vec<Node> = nodes.into_iter().filter(|node| used.contains(node.id.as_str())).collect();
    nodes.sort_by(|one, two| one.id.cmp(&two.id));
    Graph { host: host(seen), time: unix_ms(), by, nodes, edges, omitted: Omitted::default(), notes }
}

/// The host's name, as rows carry it.
fn host(seen: &Seen) -> Option<String> {
    let mut globals = seen.tables.iter().flat_map(|table| table.layout.globals.iter());
    globals.find(|(name, _)| name == "hostname").map(|(_, value)| value.clone())
}

/// What is in the store and in no flow.
fn nameless(table: &Table, rows: usize) -> String {
    let name = &table.layout.table.name;
    format!(
        "Rows of {name} that tell of no flow: {rows}. The probe adds up there what it has no place for, and gala_gopher_agent_probe_lost_total counts it; a narrower scope makes room."
    )
}

/// Puts each row of a table to its flow; how many have none.
fn take<'a>(
    table: &'a Table,
    places: &Places,
    nodes: &mut Nodes,
    flows: &mut HashMap<Flow<'a>, Ends>,
) -> usize {
    let (mut own, mut other): (Vec<&str>, _) = (Vec::new(), 0);
    for row in &table.rows {
        own.clear();
        own.extend(row.labels.own());
        let value = |at: usize| own.get(at).copied().unwrap_or_default();
        let (client, server) = (value(places.client), value(places.server));
        let is_server = match value(places.role) {
            "server" => true,
            "client" => false,
            _ => {
                other += 1;
                continue;
            }
        };
        // What belongs to a listener as a whole is no flow.
        let (Ok(server_port), false) =
            (value(places.server_port).parse(), client.is_empty() || server.is_empty())
        else {
            other += 1;
            continue;
        };
        let flow = Flow {
            client: Address::new(client, &row.labels),
            server: Address::new(server, &row.labels),
            client_port: places.client_port.map(value).filter(|port| *port != "0").unwrap_or_default(),
            server_port,
        };
        let node = nodes.local(&row.labels, value(places.tgid), name(row, places.comm.map(value)));
        let ends = flows.entry(flow).or_default();
        let ends = if is_server { &mut ends.servers } else { &mut ends.clients };
        let measure = Measure::of(row, table.source, is_server, table.period);
        ends.entry(node).and_modify(|known| known.add(&measure)).or_insert(measure);
    }
    other
}

fn name<'a>(row: &'a Row, own: Option<&'a str>) -> &'a str {
    own.or_else(|| row.labels.process().map(|process| process.names().0)).unwrap_or_default()
}

/// From, to and port of an edge.
type Key = (usize, usize, u16);
/// What is known of an edge, and from which ends.
type Known = (Measure, BTreeSet<&'static str>);

/// Makes edges of a flow. Where several clients share it with several servers nobody knows who of them talks to whom:
/// the listener stands between them.
fn join(flow: &Flow<'_>, ends: Ends, nodes: &mut Nodes, edges: &mut BTreeMap<Key, Known>) {
    let port = flow.server_port;
    let mut edge = |from: usize, to: usize, measure: Measure, seen: &[&'static str]| {
        let known = edges.entry((from, to, port)).or_default();
        known.0.add(&measure);
        known.1.extend(seen);
    };
    let one = |ends: &BTreeMap<usize, Measure>| ends.iter().next().map(|(node, measure)| (*node, *measure));
    let Ends { clients, servers } = ends;
    match (one(&clients), one(&servers)) {
        (None, None) => {}
        (None, Some(_)) => {
            let from = nodes.address(&flow.client);
            servers.iter().for_each(|(to, measure)| edge(from, *to, *measure, &["server"]));
        }
        (Some(_), None) => {
            let to = nodes.address(&flow.server);
            clients.iter().for_each(|(from, measure)| edge(*from, to, *measure, &["client"]));
        }
        (Some((from, client)), Some((to, server))) if clients.len() == 1 && servers.len() == 1 => {
            edge(from, to, client.with_server(&server), &["client", "server"]);
        }
        (_, Some((to, _))) if servers.len() == 1 => {
            clients.iter().for_each(|(from, measure)| edge(*from, to, *measure, &["client", "server"]));
        }
        (Some((from, _)), _) if clients.len() == 1 => {
            servers.iter().for_each(|(to, measure)| edge(from, *to, *measure, &["client", "server"]));
        }
        _ => {
            let between = nodes.listener(&flow.server, port);
            clients.iter().for_each(|(from, measure)| edge(*from, between, *measure, &["client"]));
            servers.iter().for_each(|(to, measure)| edge(between, *to, *measure, &["server"]));
        }
    }
    servers.keys().for_each(|node| nodes.serves(*node, port));
}

fn finish((from, to, port): Key, (measure, seen_from): Known, nodes: &[Node], now: u64) -> Edge {
    let id = |at: usize| nodes.get(at).map(|node| node.id.clone()).unwrap_or_default();
    Edge {
        from: id(from),
        to: id(to),
        port,
        to_server_bytes_per_second: measure.to_server,
        to_client_bytes_per_second: measure.to_client,
        rtt_seconds: measure.rtt(),
        loss_ratio: measure.loss(),
        opened_per_second: measure.opened,
        failed: measure.failed,
        period_seconds: measure.period,
        age_seconds: milliseconds(now.saturating_sub(measure.updated)),
        seen_from,
    }
}
