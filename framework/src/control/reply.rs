//! Answers: always JSON on one line, with the fields of the original first.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::body;
use super::view::Refused;
use super::wanted::Warning;
use crate::config::json::Issue;

/// A change that was made.
#[derive(Debug, Default, Serialize)]
pub(super) struct Success {
    pub(super) result: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<Warning>,
    /// Whether the probe has said that it works with it, where somebody waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applied: Option<bool>,
}

/// Most problems of one request that are told.
const ISSUES: usize = 20;

/// What went wrong.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    #[serde(skip)]
    pub(super) status: StatusCode,
    result: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Issue>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, result: "failed", message: message.into(), errors: Vec::new() }
    }
}

impl From<Vec<Issue>> for Failure {
    fn from(mut errors: Vec<Issue>) -> Self {
        let more = errors.len().saturating_sub(ISSUES);
        errors.truncate(ISSUES);
        let mut message = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        if more > 0 {
            message += &format!("; and {more} more");
        }
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, message) }
    }
}

impl From<body::Error> for Failure {
    fn from(error: body::Error) -> Self {
        let status = match error {
            body::Error::Type { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            body::Error::Large => StatusCode::PAYLOAD_TOO_LARGE,
            body::Error::Late => StatusCode::REQUEST_TIMEOUT,
            body::Error::Cut { .. } | body::Error::Syntax { .. } => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::Gone(_) => StatusCode::NOT_FOUND,
            Refused::Unkept(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused.to_string())
    }
}

/// JSON on one line.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Keys are strings and every value is plain, so that writing cannot fail.
    let mut text = serde_json::to_string(body).unwrap_or_default();
    text.push('\n');
    let mut response = (status, text).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl IntoResponse for Success {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &self);
        // For the audit log.
        response.extensions_mut().insert::<Arc<str>>(self.message.into());
        response
    }
}
