//! `GET` and `PUT /<probe>`: what a probe is asked for.

use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value as Json;
use tokio::sync::oneshot;

use super::auth::Caller;
use super::body;
use super::reply::{self, Failure, Success};
use super::view::{Api, Command, Done, View};
use super::wanted::wanted;
use crate::config::json::Issue;
use crate::config::nearest;

/// The words of the original.
const CHANGED: &str = "New config takes effect";
/// The same.
const UNKNOWN: &str = "url not found";
/// How long a request waits for the probe.
const WAIT: Duration = Duration::from_secs(5);

/// Whether somebody waits until the probe works with the change. The original read past whatever follows the `?`, and so
/// does this past other names.
fn waits(query: Option<&str>) -> Result<bool, Failure> {
    let mut values = query.unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("wait="));
    match values.next() {
        None => Ok(false),
        Some("applied") => Ok(true),
        Some(other) => {
            let found = Json::String(other.to_owned());
            Err(vec![Issue::new("?wait", &found, "applied")].into())
        }
    }
}

pub(super) type Name = Result<Path<String>, PathRejection>;

pub(super) async fn get(State(api): State<Api>, name: Name) -> Result<Response, Failure> {
    let (view, name) = (api.now(), text(name)?);
    let (folder, probe) = view.probe(&name).ok_or_else(|| unknown(&view, &name))?;
    Ok(reply::json(StatusCode::OK, &view.document(folder, probe)))
}

pub(super) async fn put(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    name: Name,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Success, Failure> {
    let waits = waits(query.as_deref())?;
    let name = text(name)?;
    let exists = |view: &View| view.probe(&name).is_some();
    if !exists(&api.now()) {
        return Err(unknown(&api.now(), &name));
    }
    // Nobody closes the semaphore.
    let place = api.bodies.acquire().await.ok();
    let document = body::read(&headers, body).await?;
    drop(place);
    let view = api.now();
    let (_, probe) = view.probe(&name).ok_or_else(|| unknown(&view, &name))?;
    let wanted = wanted(&document, probe)?;
    let (reply, answer) = oneshot::channel();
    let command = Command {
        probe: probe.name.clone(),
        settings: wanted.settings,
        persist: wanted.persist,
        caller,
        reply,
    };
    let stopping = || Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping");
    api.commands.send(command).await.map_err(|_| stopping())?;
    let done = answer.await.map_err(|_| stopping())??;
    let applied = if waits { Some(applied(&api, &done).await) } else { None };
    let message = match applied {
        Some(false) => {
            format!("{CHANGED}, but the probe did not say within {} s that it works with it", WAIT.as_secs())
        }
        _ => CHANGED.to_owned(),
    };
    Ok(Success { result: "success", message, warnings: wanted.warnings, applied })
}

/// Waits until the probe's process works with a change, or is gone where it is not to run.
async fn applied(api: &Api, done: &Done) -> bool {
    let there = async {
        match done.generation {
            Some(generation) => api.supervisor.applied(&done.folder, generation).await,
            None => {
                api.supervisor.stopped(&done.folder).await;
                true
            }
        }
    };
    tokio::time::timeout(WAIT, there).await.unwrap_or(false)
}

pub(super) fn text(name: Name) -> Result<String, Failure> {
    name.map(|Path(name)| name).map_err(|_| Failure::new(StatusCode::NOT_FOUND, UNKNOWN))
}

pub(super) fn unknown(view: &View, name: &str) -> Failure {
    let known: Vec<_> = view.catalog.probe_names().collect();
    let shown: String = name.chars().take(40).collect();
    let hint = nearest(&name.to_ascii_lowercase(), known.iter().copied());
    let hint = hint.map(|meant| format!(", did you mean `{meant}`?")).unwrap_or_default();
    let message = format!("{UNKNOWN}: there is no probe `{shown}`{hint}; installed: {}", known.join(", "));
    Failure::new(StatusCode::NOT_FOUND, message)
}

/// Any other address.
pub(super) async fn nowhere() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("{UNKNOWN}; GET /openapi.json lists what there is"))
}
