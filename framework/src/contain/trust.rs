//! Whose files the agent is willing to run.

use std::fs::OpenOptions;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs::File, io};

use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use thiserror::Error;

/// Why a file is not trusted.
#[derive(Debug, Error)]
pub enum Untrusted {
    /// It cannot be looked at.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else owns it.
    #[error("{} belongs to uid {owner}; make it belong to uid {wanted}: chown {wanted} {}", path.display(), path.display())]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who should.
        wanted: u32,
    },
    /// Others may change it.
    #[error("{} is writable by its group or by others (mode {mode:04o}): chmod go-w {}", path.display(), path.display())]
    Writable {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It leads somewhere else.
    #[error("{} is a symbolic link; put the file itself there", path.display())]
    Link {
        /// Which file.
        path: PathBuf,
    },
}

/// Checks that a folder and files in it are owned by root, or by the agent's own user, and writable by nobody else.
/// Files are named from the folder and are no symbolic links.
///
/// # Errors
/// The first of them that is not.
pub fn check(folder: &Path, files: &[impl AsRef<Path>]) -> Result<(), Untrusted> {
    open(folder, files).map(drop)
}

/// Checks like [`check`] and returns the very folder that was checked, whatever its path may lead to later.
pub(super) fn open(folder: &Path, files: &[impl AsRef<Path>]) -> Result<OwnedFd, Untrusted> {
    let unreadable = |path: &Path, source: io::Error| Untrusted::Unreadable { path: path.to_owned(), source };
    let opened: File = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY)
        .open(folder)
        .map_err(|error| unreadable(folder, error))?;
    judge(folder, &fstat(&opened).map_err(|errno| unreadable(folder, errno.into()))?)?;
    for file in files {
        let path = folder.join(file);
        let facts = fstatat(opened.as_fd(), file.as_ref(), AtFlags::AT_SYMLINK_NOFOLLOW);
        judge(&path, &facts.map_err(|errno| unreadable(&path, errno.into()))?)?;
    }
    Ok(opened.into())
}

fn judge(path: &Path, facts: &FileStat) -> Result<(), Untrusted> {
    let path = || path.to_owned();
    if SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT == SFlag::S_IFLNK {
        return Err(Untrusted::Link { path: path() });
    }
    let user = nix::unistd::geteuid().as_raw();
    if facts.st_uid != 0 && facts.st_uid != user {
        return Err(Untrusted::Owner { path: path(), owner: facts.st_uid, wanted: user });
    }
    if facts.st_mode & 0o022 != 0 {
        return Err(Untrusted::Writable { path: path(), mode: facts.st_mode & 0o7777 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run"), "").unwrap();
        fs::set_permissions(folder.path().join("run"), Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn own_files_are_trusted() {
        check(folder(0o755).path(), &["run"]).unwrap();
    }

    #[test]
    fn file_that_others_may_write_is_not() {
        let error = check(folder(0o757).path(), &["run"]).unwrap_err();
        assert!(error.to_string().contains("(mode 0757): chmod go-w"), "{error}");
    }

    #[test]
    fn folder_that_others_may_write_is_not() {
        let folder = folder(0o755);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(check(folder.path(), &["run"]), Err(Untrusted::Writable { .. })));
    }

    #[test]
    fn link_is_not() {
        let folder = folder(0o755);
        symlink("/bin/true", folder.path().join("link")).unwrap();
        assert!(matches!(check(folder.path(), &["link"]), Err(Untrusted::Link { .. })));
    }

    #[test]
    fn missing_file_is_named() {
        let error = check(folder(0o755).path(), &["other"]).unwrap_err();
        assert!(error.to_string().contains("/other: "), "{error}");
    }

    #[test]
    fn file_of_another_user_is_not() {
        let folder = folder(0o755);
        if chown(folder.path().join("run"), Some(12345), None).is_err() {
            eprintln!("skipped: only root can give files away");
            return;
        }
        assert!(matches!(check(folder.path(), &["run"]), Err(Untrusted::Owner { owner: 12345, .. })));
    }
}
