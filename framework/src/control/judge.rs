//! The one place where a request's sender is judged, before anything of the request is read.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use super::audit::{Asked, Audit};
use super::auth::{Caller, Denied, Rules};
use super::reply::Failure;
use crate::listen::Peer;

/// What every request passes.
#[derive(Debug)]
pub(super) struct Gate {
    rules: watch::Receiver<Arc<Rules>>,
    audit: Audit,
}

impl Gate {
    pub(super) fn new(rules: watch::Receiver<Arc<Rules>>) -> Self {
        Self { rules, audit: Audit::default() }
    }

    async fn caller(&self, peer: &Peer, headers: &HeaderMap) -> Result<Caller, (String, Failure)> {
        let rules = Arc::clone(&self.rules.borrow());
        rules.admit(peer, headers).map_err(refused)?;
        let (peer, headers) = (peer.clone(), headers.clone());
        match tokio::task::spawn_blocking(move || rules.judge(&peer, &headers)).await {
            Ok(judged) => judged.map_err(refused),
            Err(error) => {
                tracing::error!(%error, "Judging a request failed.");
                let failure =
                    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be judged");
                Err(("unknown".to_owned(), failure))
            }
        }
    }
}

/// Refuses what may not be asked; gives a request its caller.
pub(super) async fn judge(
    State(gate): State<Arc<Gate>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = Asked::of(&request);
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let caller = match gate.caller(&peer, request.headers()).await {
        Ok(caller) => caller,
        Err((who, failure)) => {
            let caller = Caller { who, from: peer.to_string() };
            gate.audit.refused(&asked, &caller, failure.status, &failure.message);
            return refuse(failure);
        }
    };
    request.extensions_mut().insert(caller.clone());
    let response = next.run(request).await;
    // What is done is in the log already: the caller may have gone before the answer.
    if changes && !response.status().is_success() {
        let reason = response.extensions().get::<Arc<str>>().cloned().unwrap_or_default();
        gate.audit.refused(&asked, &caller, response.status(), &reason);
    }
    response
}

/// Who was refused, and what to answer.
fn refused(denied: Denied) -> (String, Failure) {
    (denied.who().to_owned(), denied.into())
}

fn refuse(failure: Failure) -> Response {
    let needs_credentials = failure.status == StatusCode::UNAUTHORIZED;
    let mut response = failure.into_response();
    if needs_credentials {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        let status =
            if denied.needs_credentials() { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
        Self::new(status, denied.to_string())
    }
}
