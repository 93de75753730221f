//! Certificates for one test: an authority, and what it signs.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test at once")]

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority, and certificates of it, in a folder.
pub struct Authority<'f> {
    folder: &'f Path,
    issuer: Issuer<'static, KeyPair>,
}

impl<'f> Authority<'f> {
    /// Writes `ca.pem`.
    #[must_use]
    pub fn new(folder: &'f Path) -> Self {
        let key = KeyPair::generate().expect("a certificate");
        let mut params = CertificateParams::new(Vec::new()).expect("a certificate");
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        fs::write(folder.join("ca.pem"), params.self_signed(&key).expect("a certificate").pem())
            .expect("a certificate");
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub fn sign(&self, name: &str) {
        let key = KeyPair::generate().expect("a certificate");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a certificate");
        // With the authority's name it would count as signed by itself.
        params.distinguished_name.push(DnType::CommonName, name);
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(self.path(name, "key"), key.serialize_pem()).expect("a certificate");
        fs::write(self.path(name, "pem"), cert.pem()).expect("a certificate");
    }

    fn path(&self, name: &str, suffix: &str) -> PathBuf {
        self.folder.join(format!("{name}.{suffix}"))
    }
}
