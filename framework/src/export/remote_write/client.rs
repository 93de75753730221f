//! One request after the other to the receiver, over one connection as long as it lasts.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};

use super::connect::{Target, connect};
use super::failure::Failure;
use crate::config::RemoteWrite;

/// Bytes of an answer that are read; its first line is all that is told.
const ANSWER: usize = 4096;

/// Longest wait that a receiver can ask for.
const PATIENCE: Duration = Duration::from_secs(600);

/// Sends bodies to the receiver.
pub(super) struct Client {
    settings: RemoteWrite,
    target: Target,
    /// The connection of the last request, where it can carry another.
    idle: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// Connects when there is something to send.
    pub(super) fn new(settings: RemoteWrite, target: Target) -> Self {
        Self { settings, target, idle: None }
    }

    /// Sends one body; good when the receiver has taken it.
    pub(super) async fn post(&mut self, body: &Bytes) -> Result<(), Failure> {
        let timeout = self.settings.timeout;
        let exchange = tokio::time::timeout(timeout, self.exchange(body)).await;
        exchange.unwrap_or_else(|_| Err(Failure::Unreachable(format!("no answer within {timeout:?}"))))
    }

    async fn exchange(&mut self, body: &Bytes) -> Result<(), Failure> {
        // Secrets are read on a thread that may block: the files can be on a file system that is gone.
        let settings = self.settings.clone();
        let authorization = tokio::task::spawn_blocking(move || authorization(&settings)).await;
        let authorization =
            authorization.unwrap_or_else(|failed| Err(Failure::Unreachable(failed.to_string())))?;
        // The receiver may have closed an idle connection; that is no news, and a second copy does no harm.
        if let Some(mut idle) = self.idle.take().filter(|idle| !idle.is_closed())
            && let Ok(response) = idle.send_request(self.request(body, authorization.clone())?).await
        {
            return self.judge(idle, response).await;
        }
        let mut sender = connect(&self.target, &self.settings).await?;
        let response = sender.send_request(self.request(body, authorization)?).await.map_err(closed)?;
        self.judge(sender, response).await
    }

    fn request(
        &self,
        body: &Bytes,
        authorization: Option<HeaderValue>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::post(self.target.path.clone())
            .header(header::HOST, self.target.authority.as_str())
            .header(header::USER_AGENT, concat!("gala-gopher/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(header::CONTENT_ENCODING, "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Full::new(body.clone())).map_err(|error| Failure::Unreachable(error.to_string()))
    }

    async fn judge(
        &mut self,
        sender: SendRequest<Full<Bytes>>,
        response: Response<Incoming>,
    ) -> Result<(), Failure> {
        let status = response.status();
        let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let (text, whole) = beginning(response.into_body()).await;
        if whole {
            self.idle = Some(sender);
        }
        if status.is_success() {
            return Ok(());
        }
        let text = first_line(&text);
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Busy { status, text, wait: wait.map(|wait| wait.min(PATIENCE)) });
        }
        Err(Failure::Refused { status, text })
    }
}

fn closed(error: hyper::Error) -> Failure {
    Failure::Unreachable(format!("the receiver closed the connection: {error}"))
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
fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    line.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

/// What the settings say who we are; secrets are read anew.
fn authorization(settings: &RemoteWrite) -> Result<Option<HeaderValue>, Failure> {
    let (text, file) = if let Some(file) = &settings.bearer_token_file {
        (format!("Bearer {}", secret(file)?), file)
    } else if let Some(file) = &settings.password_file {
        (format!("Basic {}", STANDARD.encode(format!("{}:{}", settings.username, secret(file)?))), file)
    } else {
        return Ok(None);
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Failure::Unreachable(format!("{}: more than one line, or no text, is in it", file.display()))
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
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
        assert_eq!(first_line(b"\r\n out of \x1b[31morder\nsecond"), "out of [31morder");
        assert_eq!(first_line(b""), "");
    }

    #[test]
    fn the_secret_of_a_file_is_shown_as_the_scheme_wants() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "open sesame\n").unwrap();
        let basic = RemoteWrite {
            username: "Aladdin".into(),
            password_file: Some(file.clone()),
            ..RemoteWrite::default()
        };
        assert_eq!(authorization(&basic).unwrap().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let bearer = RemoteWrite { bearer_token_file: Some(file), ..basic };
        assert_eq!(authorization(&bearer).unwrap().unwrap(), "Bearer open sesame");
        assert_eq!(authorization(&RemoteWrite::default()).unwrap(), None);
    }

    #[test]
    fn a_missing_secret_names_its_file() {
        let settings =
            RemoteWrite { bearer_token_file: Some("/nonexistent/token".into()), ..RemoteWrite::default() };
        let failure = authorization(&settings).unwrap_err();
        assert!(failure.to_string().contains("/nonexistent/token"), "{failure}");
    }
}
