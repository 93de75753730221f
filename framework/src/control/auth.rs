//! Who may ask and change: the other end of the connection, a client certificate, or a bearer token.
//!
//! | connection | who may |
//! |---|---|
//! | unix socket | whoever may open it: root and the group |
//! | loopback | root and the group, as the kernel knows the socket's owner; where peers are not trusted, the token |
//! | any other | a client certificate of the authority, or the token; TLS always |

mod token;
mod who;

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use nix::unistd::{Gid, Group};

pub use self::token::TokenError;
use self::who::{command, subject, user};
use super::peer;
use crate::listen::Peer;

/// What the configuration says of callers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Members may ask and change.
    pub group: String,
    /// Whether the owner of a loopback connection counts.
    pub trust_peers: bool,
    /// Holds the bearer token; none where there is no such file.
    pub token_file: Option<PathBuf>,
}

/// Who asks, for the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// User and process, subject of the certificate, or the token.
    pub who: String,
    /// The other end of the connection.
    pub from: String,
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
        "{who} may read metrics alone; root and members of the group {group} may ask and change here, or whoever \
         sends the token"
    )]
    NoRight {
        /// Who asked.
        who: String,
        /// Whose members may.
        group: String,
    },
    /// Nothing shows who calls.
    #[error("a request needs {needed}")]
    Unknown {
        /// What would do.
        needed: &'static str,
    },
    /// A token that is not the one.
    #[error("the token is not the one in token_file")]
    Token,
}

impl Denied {
    /// Who asked, as far as it is known.
    #[must_use]
    pub fn who(&self) -> &str {
        if let Self::NoRight { who, .. } = self { who } else { "unknown" }
    }

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

    /// Who asks, if that caller may. Reads files and asks the user database: not for the event loop.
    ///
    /// # Errors
    /// Why not, and what would do.
    pub fn judge(&self, origin: &Peer, headers: &HeaderMap) -> Result<Caller, Denied> {
        let known = |who| Ok(Caller { who, from: origin.to_string() });
        if let Some(token) = bearer(headers) {
            let right = self.token().is_some_and(|right| token::same(&right, token));
            return if right { known("token".to_owned()) } else { Err(Denied::Token) };
        }
        match origin {
            Peer::Unix { uid, pid } => known(format!("{}, pid {pid}{}", user(*uid), command(*pid))),
            Peer::Tcp { certificate: Some(certificate), .. } => {
                known(format!("certificate {}", subject(certificate)))
            }
            Peer::Tcp { peer, local, .. } if self.trust_peers && peer.ip().to_canonical().is_loopback() => {
                self.judge_peer(*peer, *local).and_then(known)
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

    fn judge_peer(&self, peer: SocketAddr, local: SocketAddr) -> Result<String, Denied> {
        let uid = peer::owner(peer, local)
            .inspect_err(|error| tracing::warn!(%error, "The kernel does not say whose a connection is."))
            .ok()
            .flatten();
        let Some(uid) = uid else {
            return Err(Denied::Unknown { needed: "the token: it is not known whose connection this is" });
        };
        let who = user(uid);
        if uid == 0 || self.gid().is_some_and(|gid| peer::is_member(uid, gid)) {
            return Ok(who);
        }
        Err(Denied::NoRight { who, group: self.group.clone() })
    }

    /// The group whose members may change things, where the host has it.
    #[must_use]
    pub fn gid(&self) -> Option<Gid> {
        Group::from_name(&self.group).ok().flatten().map(|group| group.gid)
    }

    /// Whether the token's file, where one is named, will do.
    ///
    /// # Errors
    /// What is wrong with it, and the way out.
    pub fn check(&self) -> Result<(), TokenError> {
        self.token_file.as_deref().map_or(Ok(()), |file| token::read(file).map(|_| ()))
    }

    /// The token as the file has it now; none where the file will not do, so that nobody gets in by that.
    fn token(&self) -> Option<String> {
        token::read(self.token_file.as_ref()?)
            .inspect_err(
                |error| tracing::error!(%error, "Nobody is let in by the token of control.token_file."),
            )
            .ok()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests;
