//! The bearer token: its file, and the comparison with what a caller sends.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ring::hmac;

/// Largest token file in bytes.
const LARGEST: u64 = 4096;
/// What every user of the host may do with a file.
const OTHERS: u32 = 0o007;

/// Why a token's file will not do.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("reading {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Every user of the host gets at it.
    #[error("{0} is open to every user of this host; `chmod o= {0}` closes it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// There is no token in it.
    #[error("{} is empty; `openssl rand -hex 32` makes a token", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// The token as the file has it now, without the blanks around it.
pub(super) fn read(path: &Path) -> Result<String, TokenError> {
    let failed = |source| TokenError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & OTHERS != 0 {
        return Err(TokenError::Open { path: path.to_owned() });
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim();
    if token.is_empty() { Err(TokenError::Empty { path: path.to_owned() }) } else { Ok(token.to_owned()) }
}

/// Compares digests byte by byte to the end, so that the time that it takes tells nothing about the texts.
pub(super) fn same(right: &str, given: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"token");
    hmac::verify(&key, given.as_bytes(), hmac::sign(&key, right.as_bytes()).as_ref()).is_ok()
}
