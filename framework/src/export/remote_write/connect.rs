//! Connections to the receiver, plain or over TLS.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::failure::Failure;
use crate::config::RemoteWrite;
use crate::tls::client::{ClientFiles, client_config};

/// The parts of the receiver's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Host and port as the URL has them.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// The parts; nothing when it is no URL over HTTP or HTTPS.
    pub(super) fn of(url: &str) -> Option<Self> {
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

/// A new connection; files are read now.
pub(super) async fn connect(
    target: &Target,
    settings: &RemoteWrite,
) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let Target { host, port, .. } = target;
    let failed =
        |error: std::io::Error| Failure::Unreachable(format!("connecting to {host}:{port}: {error}"));
    let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    if !target.tls {
        return speak(stream).await;
    }
    let pair = settings.cert_file.clone().zip(settings.key_file.clone());
    let files = ClientFiles { ca: settings.ca_file.clone(), pair };
    let config = tokio::task::spawn_blocking(move || client_config(&files)).await;
    let config = config
        .map_err(|failed| Failure::Unreachable(failed.to_string()))?
        .map_err(|error| Failure::Unreachable(error.to_string()))?;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Failure::Unreachable(format!("{host}: no certificate can be for such a name")))?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| Failure::Unreachable(format!("TLS with {host}:{port}: {error}")))?;
    speak(stream).await
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::Unreachable(format!("the receiver speaks no HTTP: {error}")))?;
    // It ends with the sender, or when the receiver closes it; requests tell what went wrong.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "A connection to the remote-write receiver ended.");
        }
    });
    Ok(sender)
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
