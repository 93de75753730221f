//! Who may change something: the other end of the connection, a client certificate, or a bearer token.
//!
//! | connection | may change things |
//! |---|---|
//! | unix socket | whoever may open it: root and the group |
//! | loopback | root and the group, as the kernel knows the socket's owner; where peers are not trusted, the token |
//! | any other | a client certificate of the authority, or the token; TLS always |

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use nix::unistd::{Gid, Group, Uid, User};
use ring::digest::{SHA256, digest};

use super::peer;
use crate::listen::Peer;

/// Largest token file in bytes.
const TOKEN: u64 = 4096;

/// What the configuration says of callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Members may change things.
    pub group: String,
    /// Whether the owner of a loopback connection counts.
    pub trust_peers: bool,
    /// Holds the bearer token; none where there is no such file.
    pub token_file: Option<PathBuf>,
}

/// Who makes a change, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(String);

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A name that a web page somewhere made point here.
    #[error("the Host header names {host:?}, which is not this listener; use {expected} or its address")]
    Host {
        /// What was asked for.
        host: String,
        /// What would do.
        expected: String,
    },
    /// A request that a browser makes for a page from elsewhere.
    #[error("requests of web pages from other origins are refused")]
    Origin,
    /// The caller is known and has no right.
    #[error(
        "{who} may read but not change; root and members of the group {group} may, or whoever sends the token"
    )]
    NoRight {
        /// Who asked.
        who: String,
        /// Whose members may.
        group: String,
    },
    /// Nothing shows who calls.
    #[error("a change needs {needed}")]
    Unknown {
        /// What would do.
        needed: &'static str,
    },
    /// A token that is not the one.
    #[error("the token is not the one in token_file")]
    Token,
}

impl Denied {
    /// True where credentials would help (401), false where the caller is known and refused (403).
    #[must_use]
    pub fn needs_credentials(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Token)
    }
}

impl Rules {
    /// Refuses what a web page in somebody's browser could send: a foreign name for this host, a foreign origin. To be
    /// asked for every request over TCP.
    ///
    /// # Errors
    /// [`Denied::Host`] and [`Denied::Origin`].
    pub fn admit(&self, origin: &Peer, headers: &HeaderMap) -> Result<(), Denied> {
        let Peer::Tcp { local, .. } = origin else { return Ok(()) };
        if headers.contains_key(ORIGIN) {
            return Err(Denied::Origin);
        }
        // Elsewhere than on loopback a certificate says which names are ours, and a page has no credentials.
        if !local.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let ours = [local.ip().to_canonical().to_string(), format!("[{}]", local.ip())];
        let known = ["localhost", "127.0.0.1", "[::1]", ""];
        if known.contains(&name) || ours.iter().any(|own| own == name) {
            return Ok(());
        }
        Err(Denied::Host { host: host.to_owned(), expected: format!("localhost:{}", local.port()) })
    }

    /// Who makes a change, if that caller may. Reads files and asks the user database: not for the event loop.
    ///
    /// # Errors
    /// Why not, and what would do.
    pub fn judge(&self, origin: &Peer, headers: &HeaderMap) -> Result<Caller, Denied> {
        if let Some(token) = bearer(headers) {
            let right = self.token().is_some_and(|right| same(right.as_bytes(), token.as_bytes()));
            return if right { Ok(Caller(format!("token from {origin}"))) } else { Err(Denied::Token) };
        }
        match origin {
            Peer::Unix { uid, pid } => Ok(Caller(format!("{} (pid {pid}) by the socket", user(*uid)))),
            Peer::Tcp { certificate: Some(certificate), .. } => {
                Ok(Caller(format!("certificate {} from {origin}", fingerprint(certificate))))
            }
            Peer::Tcp { peer, local, .. } if self.trust_peers && peer.ip().to_canonical().is_loopback() => {
                self.judge_peer(*peer, *local)
            }
            Peer::Tcp { .. } if self.token_file.is_some() => {
                Err(Denied::Unknown { needed: "the header `Authorization: Bearer TOKEN`" })
            }
            Peer::Tcp { .. } => Err(Denied::Unknown {
                needed: "a client certificate, or a token for which control.token_file must be set; \
                         gopher-ctl works without, by the unix socket",
            }),
        }
    }

    fn judge_peer(&self, peer: SocketAddr, local: SocketAddr) -> Result<Caller, Denied> {
        let uid = peer::owner(peer, local)
            .inspect_err(|error| tracing::warn!(%error, "The kernel does not say whose a connection is."))
            .ok()
            .flatten();
        let Some(uid) = uid else {
            return Err(Denied::Unknown { needed: "the token: it is not known whose connection this is" });
        };
        let who = format!("{} at {peer}", user(uid));
        if uid == 0 || self.gid().is_some_and(|gid| peer::is_member(uid, gid)) {
            return Ok(Caller(who));
        }
        Err(Denied::NoRight { who, group: self.group.clone() })
    }

    /// The group whose members may change things, where the host has it.
    #[must_use]
    pub fn gid(&self) -> Option<Gid> {
        Group::from_name(&self.group).ok().flatten().map(|group| group.gid)
    }

    /// The token as the file has it now; none where it is empty or cannot be read, so that nobody gets in by that.
    fn token(&self) -> Option<String> {
        use std::io::Read as _;
        let path = self.token_file.as_ref()?;
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(TOKEN).read_to_string(&mut text));
        if let Err(error) = read {
            tracing::error!(file = %path.display(), %error, "The token cannot be read; nobody is let in by it.");
            return None;
        }
        let token = text.trim();
        (!token.is_empty()).then(|| token.to_owned())
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares digests, so that the time that it takes tells nothing about the texts.
fn same(one: &[u8], other: &[u8]) -> bool {
    digest(&SHA256, one).as_ref() == digest(&SHA256, other).as_ref()
}

fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("user {}", user.name),
        _ => format!("user {uid}"),
    }
}

/// The first half of the SHA-256 of a certificate, as `openssl x509 -fingerprint -sha256` begins.
fn fingerprint(certificate: &[u8]) -> String {
    let hash = digest(&SHA256, certificate);
    let bytes: Vec<String> = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests;
