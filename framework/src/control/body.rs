//! From the bytes of a request to JSON, whatever they are.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;
use thiserror::Error;

/// Largest body in bytes.
pub const LARGEST: usize = 1 << 20;
/// So much more is read and thrown away, so that a client that does not wait hears why it is refused.
const DISCARDED: usize = 8 << 20;
/// Time for a body.
const PATIENCE: Duration = Duration::from_secs(10);
/// Types that a body may have; without one it is what it is.
const TYPES: [&str; 3] = ["application/json", "application/x-www-form-urlencoded", "text/plain"];

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Of another type.
    #[error("a body of type {found} is not understood; send {}", TYPES.join(" or "))]
    Type {
        /// Its type.
        found: String,
    },
    /// Too large.
    #[error("the body is larger than {LARGEST} bytes")]
    Large,
    /// It did not come.
    #[error("the body did not come within {} s", PATIENCE.as_secs())]
    Late,
    /// The connection broke.
    #[error("the body was cut off: {reason}")]
    Cut {
        /// In words.
        reason: String,
    },
    /// No JSON.
    #[error("the body is no JSON: line {line}, column {column}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// In words.
        reason: String,
    },
}

/// Receives and parses a body.
///
/// # Errors
/// [`enum@Error`].
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Value, Error> {
    check_type(headers)?;
    let receive = async {
        let length =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > LARGEST) {
            return discard(body).await;
        }
        match Limited::new(body, LARGEST).collect().await {
            Ok(all) => Ok(all.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Error::Large),
            Err(error) => {
                let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                Err(Error::Cut { reason })
            }
        }
    };
    let bytes = tokio::time::timeout(PATIENCE, receive).await.unwrap_or(Err(Error::Late))?;
    parse(&bytes)
}

async fn discard(body: Body) -> Result<Bytes, Error> {
    let mut body = Limited::new(body, DISCARDED);
    while let Some(Ok(_)) = body.frame().await {}
    Err(Error::Large)
}

fn check_type(headers: &HeaderMap) -> Result<(), Error> {
    let Some(found) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = String::from_utf8_lossy(found.as_bytes());
    let plain = text.split(';').next().unwrap_or_default().trim();
    if TYPES.iter().any(|known| known.eq_ignore_ascii_case(plain)) {
        Ok(())
    } else {
        Err(Error::Type { found: text.into_owned() })
    }
}

/// Parses what the original took, `json=` and JSON as it is, and as well a form that is encoded as forms are, and JSON
/// alone. Nesting is bounded by the parser, at 128.
///
/// # Errors
/// [`Error::Syntax`].
pub fn parse(body: &[u8]) -> Result<Value, Error> {
    let text = match body.strip_prefix(b"json=") {
        Some(text) if matches!(text.first(), Some(b'%' | b'+')) => Cow::Owned(form_decoded(text)),
        Some(text) => Cow::Borrowed(text),
        None => Cow::Borrowed(body),
    };
    serde_json::from_slice(&text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        Error::Syntax { line: error.line().max(1), column: error.column().max(1), reason }
    })
}

fn form_decoded(text: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| {
        byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|d| u8::try_from(d).ok())
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let pair = hex(text.get(at + 1)).zip(hex(text.get(at + 2)));
        let (decoded, step) = match (byte, pair) {
            (b'%', Some((high, low))) => (high << 4 | low, 3),
            (b'+', _) => (b' ', 1),
            _ => (byte, 1),
        };
        out.push(decoded);
        at += step;
    }
    out
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_and_plain_json_are_understood() {
        for body in [
            r#"json={"state":"a+b %7B"}"#,
            "json=%7B%22state%22%3A%22a%2Bb+%257B%22%7D",
            r#"json= {"state":"a+b %7B"}"#,
            r#"{"state":"a+b %7B"}"#,
        ] {
            assert_eq!(parse(body.as_bytes()), Ok(json!({"state": "a+b %7B"})), "{body}");
        }
    }

    #[test]
    fn malformed_json_is_told_by_line_and_column() {
        let Err(Error::Syntax { line, column, .. }) = parse(b"json={\n \"state\": running}") else {
            panic!()
        };
        assert_eq!((line, column), (2, 11));
        for body in ["", "json=", "json=%", "json=%7", "{}x", "{\"a\":1e999}", "\u{feff}{}"] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(parse(b"\xff\xfe").is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
        assert!(parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn types_of_other_documents_are_refused() {
        let of = |text: &'static str| {
            check_type(&[(CONTENT_TYPE, HeaderValue::from_static(text))].into_iter().collect())
        };
        assert!(of("Application/JSON; charset=utf-8").is_ok());
        assert!(of("multipart/form-data; boundary=x").is_err());
        assert!(of("").is_err());
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused() {
        let body = Body::from(vec![b' '; LARGEST + 1]);
        assert_eq!(read(&HeaderMap::new(), body).await, Err(Error::Large));
    }
}
