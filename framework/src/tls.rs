//! TLS by rustls, versions 1.2 and 1.3. For listeners certificates are read again when their files change.

pub mod client;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use crate::sync::lock;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// The files of a listener, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate with the chain below it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Whose certificates clients may show; none asks for none.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without a certificate is refused at once.
    pub client_must: bool,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The certificate that is shown.
    Certificate,
    /// Its private key.
    Key,
    /// Those whose certificates the other side may show.
    Authorities,
}

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be read, or is no PEM.
    #[error("{}: reading {}: {source}", path.display(), part.content())]
    File {
        /// The file.
        path: PathBuf,
        /// What was looked for in it.
        part: Part,
        /// The reason.
        source: pem::Error,
    },
    /// A file without a certificate.
    #[error("{}: there is no certificate in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for in it.
        part: Part,
    },
    /// Certificate and key that do not fit, or are not supported.
    #[error("{} with {}: {source}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The reason.
        source: rustls::Error,
    },
    /// Authorities that cannot be used.
    #[error("{}: no client can be checked with it: {source}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: VerifierBuilderError,
    },
}

impl Part {
    fn content(self) -> &'static str {
        if self == Self::Key { "the private key" } else { "the certificates" }
    }
}

impl Error {
    /// Which of the files is to be looked at; the certificate where two do not fit.
    #[must_use]
    pub fn part(&self) -> Part {
        match self {
            Self::File { part, .. } | Self::Empty { part, .. } => *part,
            Self::Pair { .. } => Part::Certificate,
            Self::Authorities { .. } => Part::Authorities,
        }
    }
}

/// What one listener speaks TLS with.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    stamps: Vec<Stamp>,
    looked: Instant,
}

/// Tells one content of a file from the next: time of the change, size and inode.
type Stamp = Option<(SystemTime, u64, u64)>;

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// The first thing that is wrong with them, naming the file.
    pub fn load(files: Files) -> Result<Self, Error> {
        let stamps = stamps(&files);
        let config = server_config(&files)?;
        Ok(Self { files, state: Mutex::new(State { config, stamps, looked: Instant::now() }) })
    }

    /// What holds for a new connection. Files that have changed are read again; bad ones are reported and change
    /// nothing.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        let mut state = lock(&self.state);
        if state.looked.elapsed() < LOOK {
            return Arc::clone(&state.config);
        }
        state.looked = Instant::now();
        let stamps = stamps(&self.files);
        if stamps != state.stamps {
            match server_config(&self.files) {
                Ok(config) => {
                    tracing::info!(certificate = %self.files.cert.display(), "TLS files were read again.");
                    state.config = config;
                }
                Err(error) => {
                    tracing::error!(%error, "The TLS files have changed, but the old ones still hold.");
                }
            }
            state.stamps = stamps;
        }
        Arc::clone(&state.config)
    }
}

fn stamps(files: &Files) -> Vec<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    };
    [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(|path| stamp(path))
        .collect()
}

fn server_config(files: &Files) -> Result<Arc<ServerConfig>, Error> {
    let chain = certificates(&files.cert, Part::Certificate)?;
    let key = private_key(&files.key)?;
    let provider = Arc::new(ring::default_provider());
    let pair = |source| Error::Pair { cert: files.cert.clone(), key: files.key.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .map_err(pair)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(verifier(path, files.client_must, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn verifier(
    path: &Path,
    must: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let roots = authorities(path)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if must { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|source| Error::Authorities { path: path.to_owned(), source })
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let file = |source| Error::File { path: path.to_owned(), part: Part::Key, source };
    PrivateKeyDer::from_pem_file(path).map_err(file)
}

fn authorities(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let part = Part::Authorities;
    let (added, _) = roots.add_parsable_certificates(certificates(path, part)?);
    if added == 0 { Err(Error::Empty { path: path.to_owned(), part }) } else { Ok(roots) }
}

fn certificates(path: &Path, part: Part) -> Result<Vec<CertificateDer<'static>>, Error> {
    let file = |source| Error::File { path: path.to_owned(), part, source };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(file)?.collect::<Result<_, _>>().map_err(file)?;
    if chain.is_empty() { Err(Error::Empty { path: path.to_owned(), part }) } else { Ok(chain) }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

#[cfg(test)]
mod tests;
