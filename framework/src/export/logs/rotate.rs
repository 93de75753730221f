//! One file of lines that is renamed when it is full: no line is split over two files or lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file of lines, with those that are not in it yet.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    size: u64,
    files: u32,
    open: Option<Open>,
    held: String,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
}

impl Rotating {
    /// A file of at most `size` bytes, a longer line excepted; at most `files` of them with the older ones.
    pub(super) fn new(path: PathBuf, size: u64, files: u32) -> Self {
        Self { path, size, files, open: None, held: String::new() }
    }

    /// Adds a line, which `write` appends without its end.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.held);
        self.held.push('\n');
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.held.len()
    }

    /// Writes the lines that wait; how many were written, and why the others were not. These still wait.
    pub(super) fn flush(&mut self) -> (u64, io::Result<()>) {
        if self.held.is_empty() {
            return (0, Ok(()));
        }
        let held = std::mem::take(&mut self.held);
        let mut done = 0;
        let mut result = self.follow();
        while result.is_ok() && done < held.len() {
            match self.some(&held.as_bytes()[done..]) {
                Ok(written) => done += written,
                Err(error) => result = Err(error),
            }
        }
        let lines = memchr::memchr_iter(b'\n', &held.as_bytes()[..done]).count() as u64;
        self.held = held;
        self.held.drain(..done);
        let place =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display()));
        (lines, result.map_err(place))
    }

    /// Gives up a file that is no longer behind its name, because somebody has moved or removed it.
    fn follow(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let own = open.file.metadata()?;
        let is_there = fs::symlink_metadata(&self.path)
            .is_ok_and(|named| (named.dev(), named.ino()) == (own.dev(), own.ino()));
        // Another program may have cut it short.
        open.length = own.len();
        if !is_there {
            self.open = None;
        }
        Ok(())
    }

    /// Writes some whole lines, at least one; how many bytes.
    fn some(&mut self, lines: &[u8]) -> io::Result<usize> {
        let length = match &self.open {
            Some(open) => open.length,
            None => self.open.insert(open(&self.path)?).length,
        };
        let room = usize::try_from(self.size.saturating_sub(length)).unwrap_or(usize::MAX);
        let fits = &lines[..room.min(lines.len())];
        let end = match memchr::memrchr(b'\n', fits) {
            Some(end) => end + 1,
            None if length > 0 => {
                self.rotate()?;
                return Ok(0);
            }
            None => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
        };
        self.put(&lines[..end])
    }

    /// Writes lines; where that fails, whole lines only stay in the file.
    fn put(&mut self, lines: &[u8]) -> io::Result<usize> {
        let Some(open) = &mut self.open else { return Ok(0) };
        let (mut done, mut failed) = (0, None);
        while done < lines.len() && failed.is_none() {
            match open.file.write(&lines[done..]) {
                Ok(0) => failed = Some(ErrorKind::WriteZero.into()),
                Ok(written) => done += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => failed = Some(error),
            }
        }
        let whole = memchr::memrchr(b'\n', &lines[..done]).map_or(0, |end| end + 1);
        open.length += whole as u64;
        if whole < done && open.file.set_len(open.length).is_err() {
            // The next opening ends the partial line, which is then written again as a whole.
            self.open = None;
        }
        match failed {
            Some(error) if whole == 0 => Err(error),
            _ => Ok(whole),
        }
    }

    /// Renames the file to `.1` and those before it to the next number each, up to the first number that is free.
    fn rotate(&mut self) -> io::Result<()> {
        let last = self.files - 1;
        let is_there = |number: &u32| fs::symlink_metadata(numbered(&self.path, *number)).is_ok();
        let free = (1..last).find(|number| !is_there(number)).unwrap_or(last);
        for number in (1..free).rev() {
            rename(&numbered(&self.path, number), &numbered(&self.path, number + 1))?;
        }
        rename(&self.path, &numbered(&self.path, 1))?;
        self.open = None;
        for number in (self.files..).take_while(is_there) {
            fs::remove_file(numbered(&self.path, number))?;
        }
        Ok(())
    }
}

/// Renames what is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Opens or makes the file, and ends a line that an agent before was killed at.
fn open(path: &Path) -> io::Result<Open> {
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o750).create(directory)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o640).custom_flags(libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    let mut length = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(end) = length.checked_sub(1) {
        file.read_exact_at(&mut last, end)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
        length += 1;
    }
    Ok(Open { file, length })
}

#[cfg(test)]
mod tests;
