//! The HTTP side: `/metrics` (and `/`, as the original serves it), `/healthz`, `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;

use super::body::Frames;
use super::format::{Format, wants_gzip};
use super::page::{Page, Pages};
use crate::listen::{self, Socket};
use crate::telemetry::AgentMetrics;

/// What `/readyz` says: whether all is up, and a line per part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Every probe that is to run has written its first row or has said why it cannot.
    pub ready: bool,
    /// For people, one line per probe.
    pub detail: String,
}

/// What the server needs to answer.
#[derive(Clone)]
pub struct Endpoint {
    /// Makes the pages.
    pub pages: Arc<Pages>,
    /// Counts the scrapes.
    pub metrics: AgentMetrics,
    /// Asked at each `/readyz`.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// Serves until `stop`; requests under way are finished.
pub async fn serve(socket: Socket, endpoint: Endpoint, stop: CancellationToken) {
    let router = Router::new()
        .route("/", get(metrics))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(only_get)
        .with_state(endpoint);
    listen::serve(socket, router, stop).await;
}

/// Answers a scrape.
pub async fn metrics(State(endpoint): State<Endpoint>, headers: HeaderMap) -> Response {
    let (format, gzip) = (Format::negotiate(&headers), wants_gzip(&headers));
    let pages = Arc::clone(&endpoint.pages);
    // What is ready is answered from here; rendering may take milliseconds and gets a thread that may block.
    let page = if pages.is_cached(format, gzip) {
        pages.page(format, gzip)
    } else {
        let rendering = tokio::task::spawn_blocking(move || pages.page(format, gzip)).await;
        rendering.unwrap_or_else(|failed| Err(std::io::Error::other(failed)))
    };
    let response = match page {
        Ok(page) => answer(&endpoint, format, page),
        Err(error) => {
            tracing::error!(%error, "Rendering a scrape failed.");
            (StatusCode::INTERNAL_SERVER_ERROR, "rendering failed; the agent's log says why\n")
                .into_response()
        }
    };
    endpoint.metrics.scrapes.with_label_values(&[response.status().as_str()]).inc();
    response
}

fn answer(endpoint: &Endpoint, format: Format, page: Page) -> Response {
    let gzip = page.gzip;
    let mut response = Response::new(Frames::new(page).into_axum());
    let headers = response.headers_mut();
    let content_type = format.content_type(endpoint.pages.exposition());
    headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(content_type));
    headers.insert(VARY, axum::http::HeaderValue::from_static("accept, accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, axum::http::HeaderValue::from_static("gzip"));
    }
    response
}

async fn readyz(State(endpoint): State<Endpoint>) -> Response {
    let Readiness { ready, detail } = (endpoint.readiness)();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, detail).into_response()
}

async fn not_found(uri: Uri) -> Response {
    let text = format!("no {} here; there are /metrics, /healthz and /readyz\n", uri.path());
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn only_get(method: Method) -> Response {
    let text = format!("{method} is not allowed; use GET\n");
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], text).into_response()
}
