//! Where the host's files are: `/`, or in a container the folder named by `GOPHER_HOST_PATH`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The root of the host's file system as this process sees it.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// Empty for the own root.
    prefix: PathBuf,
}

impl Root {
    /// The own root, or the one that `GOPHER_HOST_PATH` names.
    #[must_use]
    pub fn from_env() -> Self {
        Self::new(std::env::var_os("GOPHER_HOST_PATH").unwrap_or_default())
    }

    /// A root at this path; empty and `/` are the own one.
    #[must_use]
    pub fn new(prefix: impl Into<OsString>) -> Self {
        let prefix = PathBuf::from(prefix.into());
        if prefix == Path::new("/") { Self::default() } else { Self { prefix } }
    }

    /// True when the host's files are below a folder: this process is in a container and its own namespaces are not
    /// the host's.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        !self.prefix.as_os_str().is_empty()
    }

    /// A path of the host, given as an absolute one, as this process reaches it.
    #[must_use]
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        if !self.is_foreign() {
            return absolute.to_owned();
        }
        self.prefix.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// A file of `/proc/net`: of the host's network namespace, not of this container's.
    #[must_use]
    pub fn net(&self, file: &str) -> PathBuf {
        self.path(Path::new(if self.is_foreign() { "/proc/1/net" } else { "/proc/net" }).join(file))
    }

    /// The mounts of the host, not of this container.
    #[must_use]
    pub fn mountinfo(&self) -> PathBuf {
        self.path(if self.is_foreign() { "/proc/1/mountinfo" } else { "/proc/self/mountinfo" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_container_every_path_is_the_hosts() {
        let root = Root::new("/host");
        assert_eq!(root.path("/proc/stat"), Path::new("/host/proc/stat"));
        assert_eq!(root.net("dev"), Path::new("/host/proc/1/net/dev"));
        assert_eq!(root.mountinfo(), Path::new("/host/proc/1/mountinfo"));
        assert_eq!(root.path("/"), Path::new("/host/"));
    }

    #[test]
    fn outside_a_container_paths_stay() {
        for root in [Root::default(), Root::new("/"), Root::new("")] {
            assert_eq!(root.net("dev"), Path::new("/proc/net/dev"));
            assert_eq!(root.path("/proc/stat"), Path::new("/proc/stat"));
        }
    }
}
