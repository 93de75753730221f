//! One request after the other to the receiver, over one connection as long as it lasts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::connect::{Access, Stream, connect};
use super::failure::Failure;

/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

/// What agents call themselves.
pub(in crate::export) const USER_AGENT: &str = concat!("gala-gopher/", env!("CARGO_PKG_VERSION"));

/// How requests say who the agent is; files are read at each one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::export) enum Credentials {
    /// Not by a header.
    None,
    /// By the token in a file.
    Bearer(PathBuf),
    /// By a user and the password in a file.
    Basic(String, PathBuf),
}

/// Sends bodies to the receiver.
pub(in crate::export) struct Client {
    access: Access,
    /// Of every request.
    headers: HeaderMap,
    /// Whether a status other than success asks for the same request later.
    is_busy: fn(StatusCode) -> bool,
    /// The connection of the last request, where it can carry another.
    idle: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Connects when there is something to send.
    pub(in crate::export) fn new(
        access: Access,
        mut headers: HeaderMap,
        is_busy: fn(StatusCode) -> bool,
    ) -> Self {
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        Self { access, headers, is_busy, idle: None }
    }

    /// Sends one body to a path; the beginning of the answer when the receiver has taken it.
    pub(in crate::export) async fn post(&mut self, path: &str, body: &Bytes) -> Result<Bytes, Failure> {
        let timeout = self.access.timeout;
        let exchange = tokio::time::timeout(timeout, self.exchange(path, body)).await;
        exchange.unwrap_or_else(|_| Err(Failure::Unreachable(format!("no answer within {timeout:?}"))))
    }

    async fn exchange(&mut self, path: &str, body: &Bytes) -> Result<Bytes, Failure> {
        let authorization = self.access.credentials.header().await?;
        // The receiver may have closed an idle connection; that is no news, and a second copy does no harm.
        if let Some(mut idle) = self.idle.take().filter(|idle| !idle.is_closed())
            && let Ok(response) = idle.send_request(self.request(path, body, authorization.clone())?).await
        {
            return self.judge(idle, response).await;
        }
        let mut sender = speak(connect(&self.access, b"http/1.1").await?).await?;
        let response = sender.send_request(self.request(path, body, authorization)?).await.map_err(closed)?;
        self.judge(sender, response).await
    }

    fn request(
        &self,
        path: &str,
        body: &Bytes,
        authorization: Option<HeaderValue>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::post(path)
            .header(header::HOST, self.access.target.authority.as_str())
            .body(Full::new(body.clone()))
            .map_err(|error| Failure::Unreachable(error.to_string()))?;
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().extend(authorization.map(|value| (header::AUTHORIZATION, value)));
        Ok(request)
    }

    async fn judge(
        &mut self,
        sender: SendRequest<Full<Bytes>>,
        response: Response<Incoming>,
    ) -> Result<Bytes, Failure> {
        let status = response.status();
        let wait = response.headers().get(header::RETRY_AFTER).and_then(patience);
        let (text, whole) = beginning(response.into_body()).await;
        if whole {
            self.idle = Some(sender);
        }
        if status.is_success() {
            return Ok(text.into());
        }
        let text = first_line(&String::from_utf8_lossy(&text));
        let code = status.to_string();
        let busy = (self.is_busy)(status);
        Err(if busy { Failure::Busy { code, text, wait } } else { Failure::Refused { code, text } })
    }
}

async fn speak(stream: Box<dyn Stream>) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::Unreachable(format!("the receiver speaks no HTTP: {error}")))?;
    // It ends with the sender, or when the receiver closes it; requests tell what went wrong.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "A connection to a receiver ended.");
        }
    });
    Ok(sender)
}

fn closed(error: hyper::Error) -> Failure {
    Failure::Unreachable(format!("the receiver closed the connection: {}", causes(&error)))
}

/// An error with what is behind it, as far as that is not said yet; libraries' own words are short.
pub(in crate::export) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// The beginning of a body, and whether that is all of it.
async fn beginning(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (text, false) };
        if let Some(data) = frame.data_ref() {
            text.extend_from_slice(data);
        }
        if text.len() > ANSWER {
            return (text, false);
        }
    }
    (text, true)
}

/// For the log: without control characters, at most 300 characters.
pub(in crate::export) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    line.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

/// What `Retry-After` says: seconds, or a date.
fn patience(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

impl Credentials {
    /// The value of `Authorization`. Files are read on a thread that may block: they can be on a file system that is
    /// gone.
    pub(in crate::export) async fn header(&self) -> Result<Option<HeaderValue>, Failure> {
        if *self == Self::None {
            return Ok(None);
        }
        let own = self.clone();
        let value = tokio::task::spawn_blocking(move || own.read()).await;
        value.unwrap_or_else(|failed| Err(Failure::Unreachable(failed.to_string())))
    }

    pub(super) fn read(&self) -> Result<Option<HeaderValue>, Failure> {
        let (text, file) = match self {
            Self::None => return Ok(None),
            Self::Bearer(file) => (format!("Bearer {}", secret(file)?), file),
            Self::Basic(user, file) => {
                (format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret(file)?))), file)
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Failure::Unreachable(format!("{}: more than one line, or no text, is in it", file.display()))
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn secret(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::Unreachable(format!("{}: {error}", file.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_told_without_control_characters() {
        assert_eq!(first_line("\r\n out of \x1b[31morder\nsecond"), "out of [31morder");
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn the_secret_of_a_file_is_shown_as_the_scheme_wants() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "open sesame\n").unwrap();
        let basic = Credentials::Basic("Aladdin".into(), file.clone());
        assert_eq!(basic.read().unwrap().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(Credentials::Bearer(file).read().unwrap().unwrap(), "Bearer open sesame");
        assert_eq!(Credentials::None.read().unwrap(), None);
    }

    #[test]
    fn a_missing_secret_names_its_file() {
        let failure = Credentials::Bearer("/nonexistent/token".into()).read().unwrap_err();
        assert!(failure.to_string().contains("/nonexistent/token"), "{failure}");
    }

    #[test]
    fn patience_is_asked_for_in_seconds_or_by_a_date() {
        let of = |text: &str| patience(&HeaderValue::from_str(text).unwrap());
        assert_eq!(of("120"), Some(Duration::from_secs(120)));
        let soon = SystemTime::now() + Duration::from_secs(1000);
        assert!(of(&httpdate::fmt_http_date(soon)).unwrap() > Duration::from_secs(500));
        assert_eq!(of("Thu, 01 Jan 1970 00:00:00 GMT"), None);
        assert_eq!(of("soon"), None);
    }
}
