//! TLS for the connections that the agent opens: whom it trusts, and the certificate that it shows.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::{Error, Part, authorities, certificates, private_key};

/// The files of a client, in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFiles {
    /// Authorities that the server's certificate must be of; `None` = those of the system.
    pub ca: Option<PathBuf>,
    /// The client's own certificate with the chain below it, and its private key.
    pub pair: Option<(PathBuf, PathBuf)>,
}

/// Reads the files; `alpn` names the protocol that is spoken.
///
/// # Errors
/// The first thing that is wrong with them, naming the file.
pub fn client_config(files: &ClientFiles, alpn: &[u8]) -> Result<Arc<ClientConfig>, Error> {
    let roots = match &files.ca {
        None => system(),
        Some(path) => authorities(path)?,
    };
    let pair: Option<(Vec<_>, PrivateKeyDer<'static>)> = match &files.pair {
        None => None,
        Some((cert, key)) => Some((certificates(cert, Part::Certificate)?, private_key(key)?)),
    };
    let bad = |source| {
        let (cert, key) = files.pair.clone().unwrap_or_default();
        Error::Pair { cert, key, source }
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .map_err(bad)?
        .with_root_certificates(roots);
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(bad)?,
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(Arc::new(config))
}

/// The authorities that the system trusts; without any, every server's certificate is refused.
fn system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
