//! The names in a folder of /proc, read again and again without allocating.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{RawDir, readlinkat_raw};

/// So many bytes of entries are read at a time: about a thousand processes.
const SPACE: usize = 32 * 1024;

/// A link's target is cut at so many bytes.
const TARGET: usize = 128;

/// Space for the entries of one folder at a time.
#[derive(Debug)]
pub struct Folder {
    /// Always empty: only its space is used.
    space: Vec<u8>,
}

impl Default for Folder {
    fn default() -> Self {
        Self { space: Vec::with_capacity(SPACE) }
    }
}

impl Folder {
    /// Calls `each` for every name in the folder, `.` and `..` left out.
    ///
    /// # Errors
    /// Those of opening and reading.
    pub fn names(&mut self, path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let folder = File::open(path)?;
        let mut entries = RawDir::new(&folder, self.space.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                each(name);
            }
        }
        Ok(())
    }

    /// Calls `each` for every link in the folder with its target, of which the first bytes are enough. Those that vanish
    /// meanwhile, and what is no link, are left out.
    ///
    /// # Errors
    /// Those of opening and reading the folder.
    pub fn links(&mut self, path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let folder = File::open(path)?;
        let mut entries = RawDir::new(&folder, self.space.spare_capacity_mut());
        let mut target = [0; TARGET];
        while let Some(entry) = entries.next() {
            let entry = entry?;
            if let Ok(length) = readlinkat_raw(&folder, entry.file_name(), &mut target[..]) {
                each(target.get(..length).unwrap_or_default());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let expected: Vec<String> = (0..2000).map(|index| format!("a-rather-long-name-{index:04}")).collect();
        for name in &expected {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut names = Folder::default();
        for _ in 0..2 {
            let mut found = Vec::new();
            names.names(folder.path(), |name| found.push(String::from_utf8(name.to_vec()).unwrap())).unwrap();
            found.sort();
            assert_eq!(found, expected);
        }
        assert!(names.names(&folder.path().join("missing"), |_| ()).is_err());
    }
}
