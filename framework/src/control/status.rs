//! What there is and how it does: `/probes`, `/tables`, `/version`, `/logs/<probe>`.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gopher_protocol::PROTOCOL;
use gopher_protocol::manifest::Probe;
use gopher_protocol::table::{Field, Kind, Table};
use serde_json::{Value as Json, json};

use super::audit;
use super::auth::Caller;
use super::probe::{Name, text, unknown};
use super::reply::{self, Failure, Success};
use super::view::{Api, View};
use crate::catalog::{Folder, Origin, known, resolve};
use crate::config::Exposition;
use crate::supervise::{StateName, Status};

pub(super) async fn probes(State(api): State<Api>) -> Response {
    let view = api.now();
    let statuses: BTreeMap<_, _> =
        api.supervisor.statuses().into_iter().map(|status| (status.folder.clone(), status)).collect();
    let of = |folder: &Folder| {
        let status = statuses.get(&folder.name);
        folder.manifest.probes.iter().map(|probe| describe(&view, folder, probe, status)).collect::<Vec<_>>()
    };
    let probes: Vec<_> = view.catalog.folders.values().flat_map(|folder| of(folder)).collect();
    let fault = |fault: &crate::catalog::Fault| json!({"path": fault.path, "reason": fault.to_string()});
    let refused: Vec<_> = view.catalog.faults.iter().map(fault).collect();
    let missing = known::missing(&view.running.folders, &view.catalog).unwrap_or_else(|error| {
        tracing::warn!(%error, "What is not installed is not known.");
        Vec::new()
    });
    let body = json!({"probes": probes, "refused_folders": refused, "not_installed": missing});
    reply::json(StatusCode::OK, &body)
}

fn describe(view: &View, folder: &Folder, probe: &Probe, status: Option<&Status>) -> Json {
    let resolved = resolve(&view.running, probe);
    let all: Vec<_> =
        probe.items.iter().map(|item| json!({"name": item.name, "summary": item.summary})).collect();
    let mut about = json!({
        "name": probe.name,
        "summary": probe.summary,
        "folder": folder.name,
        "path": folder.path,
        "origin": match folder.origin { Origin::BuiltIn => "built-in", Origin::Extend => "extend" },
        "wanted": if resolved.running { "running" } else { "stopped" },
        "items": resolved.items,
        "all_items": all,
        "params": resolved.params,
        "privileges": folder.manifest.privileges,
        "optional_privileges": folder.manifest.optional_privileges,
    });
    // Stopped beside another probe of its folder that runs.
    let state = if resolved.running {
        status.map_or(StateName::Stopped, |status| status.state)
    } else {
        StateName::Stopped
    };
    let extend = |about: &mut Json, more: Json| {
        if let (Json::Object(about), Json::Object(more)) = (about, more) {
            about.extend(more);
        }
    };
    extend(&mut about, json!({"state": state.as_str()}));
    if let Some(status) = status {
        extend(&mut about, process(folder, status));
    }
    about
}

/// What is known of a folder's process.
fn process(folder: &Folder, status: &Status) -> Json {
    let limits = &folder.manifest.limits;
    let by = |mechanism: crate::contain::Mechanism| mechanism.as_str();
    let enforced = status.enforced.as_ref();
    json!({
        "pid": status.pid,
        "started": status.started.map(seconds),
        "restarts": status.restarts,
        "last_error": status.last_exit.as_ref().filter(|exit| !exit.asked).map(|exit| json!({"reason": exit.reason, "at": seconds(exit.at)})),
        "next_retry_seconds": status.next_retry.map(|wait| wait.as_secs_f64()),
        "stderr": status.stderr,
        "suppressed_lines": status.suppressed_lines,
        "limits": {
            "memory": {"bytes": limits.memory, "by": enforced.map(|enforced| by(enforced.memory))},
            "cpu": {"percent": limits.cpu, "by": enforced.map(|enforced| by(enforced.cpu))},
            "kill": {"by": enforced.map(|enforced| by(enforced.kill))},
            "rows_per_second": limits.rows_per_second,
            "series": limits.series,
        },
        "usage": status.usage.map(|usage| json!({"cpu_seconds": usage.cpu.as_secs_f64(), "memory_bytes": usage.memory})),
        "generation": status.generation,
        "applied": status.delivered.applied,
        "apply_seconds": status.delivered.apply_time.map(|time| time.as_secs_f64()),
        "undelivered": status.delivered.broken,
        "capabilities": status.capabilities,
    })
}

/// Seconds since 1970, with their fraction.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

pub(super) async fn restart(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    name: Name,
) -> Result<Success, Failure> {
    let (view, name) = (api.now(), text(name)?);
    let (folder, probe) = view.probe(&name).ok_or_else(|| unknown(&view, &name))?;
    if !api.supervisor.restart(&folder.name) {
        let message = format!(
            "{} is not to run; PUT /{} with \"state\": \"running\" starts it",
            probe.name, probe.name
        );
        return Err(Failure::new(StatusCode::CONFLICT, message));
    }
    audit::restarted(&caller, &probe.name, &folder.name);
    Ok(Success { result: "success", message: format!("{} is restarted", folder.name), ..Success::default() })
}

pub(super) async fn logs(State(api): State<Api>, name: Name) -> Result<Response, Failure> {
    let (view, name) = (api.now(), text(name)?);
    let (folder, _) = view.probe(&name).ok_or_else(|| unknown(&view, &name))?;
    let status = api.supervisor.statuses().into_iter().find(|status| status.folder == folder.name);
    let (lines, suppressed) =
        status.map(|status| (status.stderr, status.suppressed_lines)).unwrap_or_default();
    let body = json!({"folder": folder.name, "lines": lines, "suppressed_lines": suppressed});
    Ok(reply::json(StatusCode::OK, &body))
}

/// What a field's series are called where they are scraped; of a histogram its buckets. Nothing for a label.
fn metric(table: &Table, field: &Field, upstream: bool) -> Option<String> {
    let name = table.metric(field);
    match field.kind {
        kind if kind.is_label() => None,
        Kind::Counter | Kind::Delta if !upstream && !name.ends_with("_total") => {
            Some(format!("{name}_total"))
        }
        Kind::Histogram if !upstream => Some(format!("{name}_bucket")),
        _ => Some(name),
    }
}

pub(super) async fn tables(State(api): State<Api>) -> Response {
    let view = api.now();
    let upstream = view.running.prometheus.exposition == Exposition::Upstream;
    let mut tables = Vec::new();
    for folder in view.catalog.folders.values() {
        for table in &folder.manifest.tables {
            let field = |field: &Field| {
                json!({
                    "name": field.name, "type": field.kind, "unit": field.unit, "item": field.item, "help": field.help,
                    "metric": metric(table, field, upstream),
                })
            };
            let fields: Vec<_> = table.fields.iter().map(field).collect();
            let (name, probe, entity) = (&table.name, &table.probe, &table.entity);
            tables.push(json!({"name": name, "folder": folder.name, "probe": probe, "entity": entity, "fields": fields}));
        }
    }
    reply::json(StatusCode::OK, &json!({"tables": tables}))
}

pub(super) async fn version() -> Response {
    let body = json!({"name": "gala-gopher", "version": env!("CARGO_PKG_VERSION"), "protocol": PROTOCOL});
    reply::json(StatusCode::OK, &body)
}
