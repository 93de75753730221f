//! The TLS keys that every listener has.

use std::net::{IpAddr, SocketAddr};
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

/// Whether one listener keeps another from its address; port 0 is any free one.
pub(super) fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    // An IPv6 listener for all addresses takes those of IPv4 too.
    let all = |ip: IpAddr, other: IpAddr| ip.is_unspecified() && (ip.is_ipv6() || other.is_ipv4());
    one.port() == other.port() && one.port() != 0 && (a == b || all(a, b) || all(b, a))
}

/// Whether others than this host reach an address.
pub(super) fn is_open(listen: SocketAddr) -> bool {
    !listen.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn one_port_is_for_one_listener_unless_addresses_differ() {
        let found = |one: &str, other: &str| overlap(one.parse().unwrap(), other.parse().unwrap());
        for (one, other) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "127.0.0.1:1"),
            ("[::1]:1", "[::]:1"),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"),
        ] {
            assert!(found(one, other) && found(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:1", "127.0.0.1:2"),
            ("127.0.0.1:1", "127.0.0.2:1"),
            ("0.0.0.0:1", "[::1]:1"),
            ("127.0.0.1:0", "127.0.0.1:0"),
        ] {
            assert!(!found(one, other) && !found(other, one), "{one} {other}");
        }
    }
}
