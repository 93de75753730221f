//! The routes, as one list; `openapi.json` beside this file documents each, which a test compares.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::auth::Rules;
use super::judge::{Gate, judge};
use super::reply::Failure;
use super::view::Api;
use super::{compare, events, probe, reply, status, topology};
use crate::export::prometheus;

/// The document, without the names of the probes.
const OPENAPI: &str = include_str!("openapi.json");
/// The longest that a request waits for the agent's start.
const START: Duration = Duration::from_secs(10);

fn routes() -> Vec<(&'static str, MethodRouter<Api>)> {
    vec![
        ("/{probe}", get(probe::get).put(probe::put)),
        ("/probes", get(status::probes)),
        ("/probes/{probe}/restart", post(status::restart)),
        ("/logs/{probe}", get(status::logs)),
        ("/tables", get(status::tables)),
        ("/metrics", get(prometheus::metrics)),
        ("/events", get(events::events)),
        ("/topology", get(topology::topology)),
        ("/config", get(compare::config)),
        ("/version", get(status::version)),
        ("/openapi.json", get(openapi)),
    ]
}

/// All routes; every request is judged before it gets to one.
pub(super) fn router(api: Api, rules: watch::Receiver<Arc<Rules>>) -> Router {
    routes()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .fallback(probe::nowhere)
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(api.clone(), wait_for_start))
        .layer(from_fn_with_state(Arc::new(Gate::new(rules)), judge))
        .with_state(api)
}

/// A request that comes while the agent reads what it starts with waits for that.
async fn wait_for_start(State(mut api): State<Api>, request: Request, next: Next) -> Response {
    let complete = tokio::time::timeout(START, api.view.wait_for(|view| view.complete)).await;
    if complete.is_ok_and(|complete| complete.is_ok()) {
        return next.run(request).await;
    }
    let message = "the agent is starting, or stopping; ask again";
    let mut response = Failure::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

async fn other_method(method: Method) -> Response {
    let message = format!("{method} is not allowed here; the header Allow says what is");
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, message).into_response()
}

/// The document with the installed probes as what `{probe}` may be.
async fn openapi(State(api): State<Api>) -> Response {
    let mut document: Json = serde_json::from_str(OPENAPI).unwrap_or_default();
    let names: Vec<_> = api.now().catalog.probe_names().map(str::to_owned).collect();
    if let Some(schema) = document.pointer_mut("/components/parameters/probe/schema")
        && !names.is_empty()
    {
        *schema = json!({"type": "string", "enum": names});
    }
    if let Some(version) = document.pointer_mut("/info/version") {
        *version = env!("CARGO_PKG_VERSION").into();
    }
    reply::json(StatusCode::OK, &document)
}

#[cfg(test)]
mod tests;
