//! The client's side of the control socket: one request per connection, answers as JSON or text.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

/// Time for an answer to be complete.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer in bytes.
const LARGEST: usize = 1 << 30;

/// Why there is no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there, or it may not be opened.
    #[error("no agent answers on {}: {source}; {}", socket.display(), way_out(source))]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The connection broke within the answer.
    #[error("the agent on {} did not finish its answer: {reason}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// In words.
        reason: String,
    },
    /// The agent says no.
    #[error("{message}")]
    Refused {
        /// The answer's code.
        status: StatusCode,
        /// Why.
        message: String,
        /// All that it says.
        answer: Value,
    },
    /// Whoever takes the lines wants no more of them.
    #[error(transparent)]
    Taker(io::Error),
}

fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "root and members of the group gala-gopher may use it",
        io::ErrorKind::NotFound => "start the agent, or name its socket with --socket RUN_DIR/control.sock",
        _ => "start the agent",
    }
}

/// Talks to one agent.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    runtime: Runtime,
}

impl Client {
    /// A client for a socket; nothing is opened before the first request.
    ///
    /// # Errors
    /// When the system has nothing left to wait with.
    pub fn new(socket: &Path) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { socket: socket.to_owned(), runtime })
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn get(&self, path: &str) -> Result<Value, Error> {
        self.json(Method::GET, path, Bytes::new())
    }

    /// Sends a document.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn put(&self, path: &str, document: impl Into<Bytes>) -> Result<Value, Error> {
        self.json(Method::PUT, path, document.into())
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn post(&self, path: &str) -> Result<Value, Error> {
        self.json(Method::POST, path, Bytes::new())
    }

    /// Asks for text.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn text(&self, path: &str) -> Result<String, Error> {
        self.within(self.answer(Method::GET, path, Bytes::new()))
    }

    /// Asks for lines that come as they happen, and hands each on until the agent or the taker ends it.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn follow(&self, path: &str, mut take: impl FnMut(&str) -> io::Result<()>) -> Result<(), Error> {
        self.runtime.block_on(async {
            let mut response = self.send(Method::GET, path, Bytes::new()).await?;
            if !response.status().is_success() {
                let status = response.status();
                let text = self.collect(response).await?;
                return Err(refused(status, &text));
            }
            let mut kept = Vec::new();
            while let Some(frame) = response.body_mut().frame().await {
                let frame = frame.map_err(|error| self.broken(&error))?;
                kept.extend_from_slice(frame.data_ref().map_or(&[][..], Bytes::as_ref));
                while let Some(end) = memchr::memchr(b'\n', &kept) {
                    let line: Vec<u8> = kept.drain(..=end).collect();
                    take(String::from_utf8_lossy(&line).trim_end()).map_err(Error::Taker)?;
                }
            }
            Ok(())
        })
    }

    fn json(&self, method: Method, path: &str, body: Bytes) -> Result<Value, Error> {
        let text = self.within(self.answer(method, path, body))?;
        serde_json::from_str(&text).map_err(|error| self.broken(&error))
    }

    fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let late = || self.broken(&format!("nothing came within {} s", PATIENCE.as_secs()));
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late())) })
    }

    async fn answer(&self, method: Method, path: &str, body: Bytes) -> Result<String, Error> {
        let response = self.send(method, path, body).await?;
        let status = response.status();
        let text = self.collect(response).await?;
        if status.is_success() { Ok(text) } else { Err(refused(status, &text)) }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, Error> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| Error::Unreachable { socket: self.socket.clone(), source })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "The connection to the agent ended.");
            }
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.broken(&error))?;
        sender.send_request(request).await.map_err(|error| self.broken(&error))
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<String, Error> {
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let bytes = body.map_err(|error| self.broken(&error))?.to_bytes();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn broken(&self, reason: &(impl ToString + ?Sized)) -> Error {
        Error::Broken { socket: self.socket.clone(), reason: reason.to_string() }
    }
}

fn refused(status: StatusCode, text: &str) -> Error {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let message =
        answer.get("message").and_then(Value::as_str).map_or_else(|| status.to_string(), ToOwned::to_owned);
    Error::Refused { status, message, answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_there_is_named_with_the_way_out() {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("control.sock");
        let error = Client::new(&socket).unwrap().get("/version").unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Unreachable { .. }), "{text}");
        assert!(text.contains("control.sock") && text.contains("--socket"), "{text}");
    }

    #[test]
    fn a_connection_that_says_nothing_useful_is_broken() {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("control.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let server = std::thread::spawn(move || drop(listener.accept().unwrap()));
        assert!(matches!(Client::new(&socket).unwrap().get("/version").unwrap_err(), Error::Broken { .. }));
        server.join().unwrap();
    }
}
