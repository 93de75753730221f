//! The one place where a request's sender is judged, before anything of the request is read.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{Denied, Rules};
use super::reply::Failure;
use crate::listen::Peer;

/// The group whose members may change things.
const GROUP: &str = "gala-gopher";

/// What holds for callers.
pub fn rules() -> Rules {
    Rules { group: GROUP.to_owned(), trust_peers: true, token_file: None }
}

/// Refuses what may not be asked; gives a change its caller.
pub(super) async fn judge(
    State(rules): State<Arc<Rules>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(denied) = rules.admit(&peer, request.headers()) {
        return refuse(&denied, &peer);
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let headers = request.headers().clone();
    let asked = peer.clone();
    let judged = tokio::task::spawn_blocking(move || rules.judge(&asked, &headers)).await;
    match judged {
        Ok(Ok(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(Err(denied)) => refuse(&denied, &peer),
        Err(error) => {
            tracing::error!(%error, "Judging a request failed.");
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be judged").into_response()
        }
    }
}

fn refuse(denied: &Denied, peer: &Peer) -> Response {
    tracing::info!(%peer, reason = %denied, "A request was refused.");
    let status = if denied.needs_credentials() { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
    let mut response = Failure::new(status, denied.to_string()).into_response();
    if denied.needs_credentials() {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
