//! Network namespaces of processes.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Which network namespace: the number of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

impl Id {
    /// The namespace behind a file such as `/proc/PID/ns/net`.
    ///
    /// # Errors
    /// When the process is gone, or may not be looked at.
    pub fn of(file: &Path) -> io::Result<Self> {
        Ok(Self(std::fs::metadata(file)?.ino()))
    }

    /// Of this process.
    ///
    /// # Errors
    /// Without `/proc`.
    pub fn own() -> io::Result<Self> {
        Self::of(Path::new("/proc/self/ns/net"))
    }
}

/// Runs `work` on a thread of its own in the namespace behind this file; the thread ends with it, so that no other work
/// ever runs there. Sockets that it opens stay in that namespace, and keep it alive until they are closed.
///
/// # Errors
/// When the namespace is gone, or may not be entered.
pub fn within<T: Send>(file: &Path, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let namespace = File::open(file)?;
    let enter_and_work = || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        work()
    };
    thread::scope(|scope| {
        let thread =
            thread::Builder::new().name("namespace".to_owned()).spawn_scoped(scope, enter_and_work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace has failed")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_in_the_namespace_of_the_file() {
        let there = within(Path::new("/proc/self/ns/net"), Id::own);
        match there {
            Ok(there) => assert_eq!(there, Id::own().unwrap()),
            // Who may not enter is told so, and nothing runs elsewhere.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }

    #[test]
    fn a_namespace_that_is_gone_is_an_error() {
        let gone = Path::new("/proc/0/ns/net");
        assert_eq!(within(gone, || Ok(())).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Id::of(gone).is_err());
    }
}
