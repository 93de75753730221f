//! Callers in words.

use nix::unistd::{Uid, User};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Most characters of a certificate's subject that are shown.
const SUBJECT: usize = 200;

/// A user by name and number.
pub(super) fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("user {} (uid {uid})", user.name),
        _ => format!("uid {uid}"),
    }
}

/// What a process runs, in brackets; nothing where it has gone.
pub(super) fn command(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm"))
        .map_or_else(|_| String::new(), |comm| format!(" ({})", comm.trim_end()))
}

/// Whom a certificate is for.
pub(super) fn subject(der: &[u8]) -> String {
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate.subject().to_string().chars().take(SUBJECT).collect(),
        Err(_) => "without a subject that can be read".to_owned(),
    }
}
