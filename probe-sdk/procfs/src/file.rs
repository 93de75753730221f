//! Reading a small kernel file again and again without allocating.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What a buffer starts with; most files of /proc are smaller.
const START: usize = 16 * 1024;

/// A file larger than this is refused: nothing that is read here comes near it.
const LIMIT: usize = 64 << 20;

/// Space for one file's text at a time, used again and again.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: vec![0; START] }
    }
}

impl Buffer {
    /// A buffer of 16 KiB; it grows to the largest file that it reads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a whole file that is opened for this once.
    ///
    /// # Errors
    /// Those of opening and reading; `FileTooLarge` above 64 MiB.
    pub fn read(&mut self, path: &Path) -> io::Result<&[u8]> {
        let length = self.fill(&File::open(path)?)?;
        Ok(self.text(length))
    }

    fn text(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }

    /// Reads from the start to the end; the length of what was read.
    fn fill(&mut self, file: &File) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            if filled == self.bytes.len() {
                if filled >= LIMIT {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
                self.bytes.resize(filled * 2, 0);
            }
            let space = self.bytes.get_mut(filled..).unwrap_or_default();
            match file.read_at(space, filled as u64) {
                Ok(0) => return Ok(filled),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A file that is opened once and read from its start each time.
#[derive(Debug)]
pub struct FileReader {
    path: PathBuf,
    file: Option<File>,
}

impl FileReader {
    /// A reader of this path; the file is opened at the first read.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    /// The path that it reads.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text now. When the open file cannot be read any more (its device has gone and come back), it is
    /// opened anew once.
    ///
    /// # Errors
    /// Those of opening and reading; `FileTooLarge` above 64 MiB.
    pub fn read<'b>(&mut self, buffer: &'b mut Buffer) -> io::Result<&'b [u8]> {
        if let Some(file) = &self.file
            && let Ok(length) = buffer.fill(file)
        {
            return Ok(buffer.text(length));
        }
        self.file = None;
        let file = self.file.insert(File::open(&self.path)?);
        let length = buffer.fill(file)?;
        Ok(buffer.text(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_from_its_start_each_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut reader = FileReader::new(file.path());
        let mut buffer = Buffer::new();
        for text in ["first", "second"] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(reader.read(&mut buffer).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn a_buffer_grows_to_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = vec![b'x'; 3 * START + 1];
        std::fs::write(file.path(), &text).unwrap();
        assert_eq!(Buffer::new().read(file.path()).unwrap(), text);
    }

    #[test]
    fn a_missing_file_is_an_error_until_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = FileReader::new(folder.path().join("late"));
        let mut buffer = Buffer::new();
        assert_eq!(reader.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(reader.path(), "here").unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap(), b"here");
    }
}
