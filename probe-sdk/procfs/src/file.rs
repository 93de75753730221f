//! Reading a small kernel file again and again without allocating.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::text::lines;

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

    /// Calls `each` for every line of a file that may be too long to be held as a whole.
    ///
    /// # Errors
    /// Those of opening and reading; `FileTooLarge` for a line above 64 MiB.
    pub fn each_line(&mut self, path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut held = 0;
        loop {
            let read = match file.read(self.space_after(held)?) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            held += read;
            let text = self.text(held);
            let whole = if read == 0 { held } else { memchr::memrchr(b'\n', text).map_or(0, |end| end + 1) };
            lines(text.get(..whole).unwrap_or_default()).for_each(&mut each);
            if read == 0 {
                return Ok(());
            }
            self.bytes.copy_within(whole..held, 0);
            held -= whole;
        }
    }

    fn text(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }

    /// Reads from the start to the end; the length of what was read.
    fn fill(&mut self, file: &File) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            match file.read_at(self.space_after(filled)?, filled as u64) {
                Ok(0) => return Ok(filled),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The space behind what is filled, which grows when there is none left.
    fn space_after(&mut self, filled: usize) -> io::Result<&mut [u8]> {
        if filled == self.bytes.len() {
            if filled >= LIMIT {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.bytes.resize(filled * 2, 0);
        }
        Ok(self.bytes.get_mut(filled..).unwrap_or_default())
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
    fn lines_are_whole_wherever_a_read_ends() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut expected: Vec<String> = (0..9000).map(|index| format!("line {index}")).collect();
        expected.push("x".repeat(2 * START));
        expected.push("the last one, without an end".to_owned());
        std::fs::write(file.path(), expected.join("\n")).unwrap();
        let mut found = Vec::new();
        let each = |line: &[u8]| found.push(String::from_utf8(line.to_vec()).unwrap());
        Buffer::new().each_line(file.path(), each).unwrap();
        assert_eq!(found, expected);
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
