//! The run directory: one agent at a time, and nobody else's files.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::contain::trust::{self, Untrusted};

const MODE: u32 = 0o755;
const LOCK: &str = "lock";

/// Why a directory cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// Another agent uses it.
    #[error("{} is in use by {}: stop that agent, or set another `run_dir`", path.display(), holder(*pid))]
    Held {
        /// The agent; 0 when it has not yet said.
        pid: u32,
        /// The directory.
        path: PathBuf,
    },
    /// It leads somewhere else.
    #[error("{} is a symbolic link: set the directory itself", path.display())]
    Link {
        /// The directory.
        path: PathBuf,
    },
    /// Somebody else could change what is in it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The system refuses.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

fn holder(pid: u32) -> String {
    if pid == 0 { "another process".to_owned() } else { format!("process {pid}") }
}

/// A run directory that this agent holds, until it is dropped or the agent dies.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Creates the directory (mode 0755) where needed, and takes it.
    ///
    /// # Errors
    /// [`enum@Error`].
    pub fn take(path: &Path) -> Result<Self, Error> {
        directory(path)?;
        let file = path.join(LOCK);
        let failed = |what| {
            let path = file.clone();
            move |source| Error::Io { what, path, source }
        };
        let options =
            OpenOptions::new().read(true).write(true).create(true).custom_flags(libc::O_NOFOLLOW).clone();
        let mut lock = options.open(&file).map_err(failed("open"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                lock.take(32).read_to_string(&mut text).map_err(failed("read"))?;
                return Err(Error::Held { pid: text.trim().parse().unwrap_or(0), path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        lock.set_len(0).map_err(failed("empty"))?;
        writeln!(lock, "{}", std::process::id()).map_err(failed("write"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes sure that a directory for the agent's files exists (created with mode 0755), is no symbolic link, and can be
/// changed by nobody else.
///
/// # Errors
/// [`enum@Error`], never [`Error::Held`].
pub fn directory(path: &Path) -> Result<(), Error> {
    let failed = |what| move |source| Error::Io { what, path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_symlink() => return Err(Error::Link { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(MODE).create(path).map_err(failed("create"))?;
            // Whatever the umask says: users of the control socket must get through.
            fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(failed("open to readers"))?;
        }
        Err(error) => return Err(failed("look at")(error)),
    }
    trust::check(path, &[] as &[&Path])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn second_holder_is_told_who_holds_it() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/run");
        let held = RunDir::take(&path).unwrap();
        let error = RunDir::take(&path).unwrap_err();
        assert!(matches!(error, Error::Held { pid, .. } if pid == std::process::id()), "{error}");
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        // A process that another test forks holds the lock too until its exec.
        let begun = std::time::Instant::now();
        while let Err(error) = RunDir::take(&path) {
            assert!(matches!(error, Error::Held { .. }) && begun.elapsed().as_secs() < 60, "{error}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn created_directory_is_open_to_readers() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        directory(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o755);
    }

    #[test]
    fn link_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("link");
        symlink(parent.path(), &path).unwrap();
        assert!(matches!(RunDir::take(&path), Err(Error::Link { .. })));
    }

    #[test]
    fn directory_that_others_may_write_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(RunDir::take(parent.path()), Err(Error::Untrusted(Untrusted::Writable { .. }))));
    }

    #[test]
    fn lock_that_is_a_link_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        symlink("/dev/null", parent.path().join(LOCK)).unwrap();
        assert!(matches!(RunDir::take(parent.path()), Err(Error::Io { .. })));
    }
}
