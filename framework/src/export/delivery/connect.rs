//! Connections to the receiver, plain or over TLS.

use std::time::Duration;

use hyper::Uri;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::client::Credentials;
use super::failure::Failure;
use crate::tls::Part;
use crate::tls::client::{ClientFiles, client_config};

/// How a receiver is reached, and how agent and receiver trust each other.
#[derive(Clone, Debug)]
pub(in crate::export) struct Access {
    /// The parts of its URL.
    pub(in crate::export) target: Target,
    /// Time for one request, from connecting to the end of the answer.
    pub(in crate::export) timeout: Duration,
    /// Certificates on both sides.
    pub(in crate::export) files: ClientFiles,
    /// How requests say who the agent is.
    pub(in crate::export) credentials: Credentials,
}

impl Access {
    /// The files that cannot be used, each with its key and the reason; read as for a connection and a request.
    pub(in crate::export) fn bad_files(&self) -> Vec<(&'static str, String)> {
        let files = if self.target.tls { client_config(&self.files, b"http/1.1").err() } else { None };
        let files = files.map(|error| {
            let key = match error.part() {
                Part::Certificate => "cert_file",
                Part::Key => "key_file",
                Part::Authorities => "ca_file",
            };
            (key, error.to_string())
        });
        let secret =
            if let Credentials::Basic(..) = self.credentials { "password_file" } else { "bearer_token_file" };
        let secret = self.credentials.read().err().map(|failure| (secret, failure.to_string()));
        files.into_iter().chain(secret).collect()
    }
}

/// The parts of the receiver's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::export) struct Target {
    pub(in crate::export) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as the URL has them.
    pub(in crate::export) authority: String,
    /// Path and query.
    pub(in crate::export) path: String,
}

impl Target {
    /// The parts; nothing when it is no URL over HTTP or HTTPS.
    pub(in crate::export) fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        Some(Self {
            tls,
            host: uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: uri.authority()?.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

/// A byte stream to a receiver.
pub(in crate::export) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A new connection, for HTTP of the version that `alpn` names; files are read now.
pub(in crate::export) async fn connect(
    access: &Access,
    alpn: &'static [u8],
) -> Result<Box<dyn Stream>, Failure> {
    let Target { tls, host, port, .. } = &access.target;
    let failed =
        |error: std::io::Error| Failure::Unreachable(format!("connecting to {host}:{port}: {error}"));
    let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    if !tls {
        return Ok(Box::new(stream));
    }
    let files = access.files.clone();
    let config = tokio::task::spawn_blocking(move || client_config(&files, alpn)).await;
    let config = config
        .map_err(|failed| Failure::Unreachable(failed.to_string()))?
        .map_err(|error| Failure::Unreachable(error.to_string()))?;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Failure::Unreachable(format!("{host}: no certificate can be for such a name")))?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| Failure::Unreachable(format!("TLS with {host}:{port}: {error}")))?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_its_parts() {
        let target = Target::of("https://[::1]/api/v1/write?x=1").unwrap();
        assert!(target.tls);
        assert_eq!((target.host.as_str(), target.port), ("::1", 443));
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("[::1]", "/api/v1/write?x=1"));
        let target = Target::of("http://host:9090").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("host", 9090, "/"));
        assert_eq!(Target::of("ftp://host/"), None);
    }
}
