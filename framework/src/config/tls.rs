//! The TLS keys that every listener has.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::kind::Kind;
use super::rules::Rule;

/// What a TLS key accepts.
pub(super) const FILE: Kind = Kind::Text(Rule::OptionalPath);

/// The files of a listener; without a certificate it speaks plain HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificate and chain in PEM.
    pub cert_file: Option<PathBuf>,
    /// Its private key in PEM.
    pub key_file: Option<PathBuf>,
    /// Authorities whose certificates clients must show.
    pub client_ca_file: Option<PathBuf>,
}

impl Tls {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.cert_file.is_some()
    }

    /// What is wrong with the files together.
    pub(super) fn check(&self) -> Option<(&'static str, String)> {
        match (&self.cert_file, &self.key_file) {
            (Some(_), None) => {
                Some(("tls_cert_file", "a certificate without its key; set tls_key_file too".into()))
            }
            (None, Some(_)) => {
                Some(("tls_key_file", "a key without its certificate; set tls_cert_file too".into()))
            }
            (None, None) if self.client_ca_file.is_some() => Some((
                "tls_client_ca_file",
                "clients show certificates over TLS only; set tls_cert_file and tls_key_file".into(),
            )),
            _ => None,
        }
    }
}

/// Whether others than this host reach an address.
pub(super) fn is_open(listen: SocketAddr) -> bool {
    !listen.ip().to_canonical().is_loopback()
}
