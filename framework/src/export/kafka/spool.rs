//! The folder that keeps messages over an outage of the brokers and a restart of the agent: one file per chunk.
//!
//! A file is a magic word and then messages as [`super::frame`] lays them out. Files are numbered in the order of
//! their messages. A file whose end is torn, because the agent was killed while it wrote, is read up to there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chunk;

/// What every file begins with; the last byte is the version of the layout.
const MAGIC: &[u8; 8] = b"gopherK\x01";
/// What the names of files end with.
const SUFFIX: &str = ".spool";
/// The file that is locked by whoever uses the folder.
const LOCK: &str = "lock";
/// Between two lines of the log about a folder that cannot be written.
const AGAIN: Duration = Duration::from_secs(60);

/// The folder, which nobody else uses as long as this lives.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    lock: File,
    /// Why the last write failed, unless it went well.
    trouble: Option<Arc<str>>,
    /// When it was last said that nothing can be written.
    said: Option<Instant>,
}

/// A file with messages that an earlier run has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The number in its name.
    pub(super) file: u64,
    /// Bytes of whole messages.
    pub(super) length: usize,
    /// How many.
    pub(super) count: usize,
}

impl Spool {
    /// Opens or makes the folder, waits until nobody else uses it, and finds what it holds.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<Found>)> {
        let lock = enter(folder)?;
        lock.lock()?;
        let spool = Self { folder: folder.to_owned(), lock, trouble: None, said: None };
        let found = spool.find()?;
        Ok((spool, found))
    }

    /// Makes the folder again where somebody has removed it. An error of the kind [`ErrorKind::WouldBlock`] says that
    /// somebody else uses it now.
    pub(super) fn restore(&mut self) -> io::Result<()> {
        let mine = self.lock.metadata()?;
        if fs::metadata(self.folder.join(LOCK))
            .is_ok_and(|there| there.dev() == mine.dev() && there.ino() == mine.ino())
        {
            return Ok(());
        }
        let lock = enter(&self.folder)?;
        lock.try_lock()?;
        self.lock = lock;
        tracing::warn!(folder = %self.folder.display(), "The folder of the Kafka spool was removed and is made again. Messages that were in it alone are lost; leave it to the agent.");
        Ok(())
    }

    fn find(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let number = name.strip_suffix(SUFFIX).and_then(|number| u64::from_str_radix(number, 16).ok());
            match number {
                Some(file) => match self.look(file) {
                    Ok(one) => found.extend(one),
                    Err(error) => {
                        tracing::error!(file = %path.display(), %error, "A file in the Kafka spool is left alone.");
                    }
                },
                // Left by an end in the middle of a replacement; the file that was to be replaced is there.
                None if name.ends_with(".new") => fs::remove_file(path)?,
                None => {}
            }
        }
        found.sort_by_key(|found| found.file);
        Ok(found)
    }

    /// What a file holds. One without a whole message goes, and so does the torn end of another.
    fn look(&self, file: u64) -> io::Result<Option<Found>> {
        let bytes = self.read(file)?;
        let starts = chunk::starts(&bytes);
        let length = chunk::end(&bytes, &starts);
        if length < bytes.len() {
            let (path, lost) = (self.path(file), bytes.len() - length);
            tracing::warn!(file = %path.display(), lost, "The end of a file of the Kafka spool is torn: these bytes are left out.");
        }
        if length == 0 {
            self.remove(file)?;
            return Ok(None);
        }
        Ok(Some(Found { file, length, count: starts.len() }))
    }

    /// Where a file is.
    pub(super) fn path(&self, file: u64) -> PathBuf {
        self.folder.join(format!("{file:016x}{SUFFIX}"))
    }

    /// The bytes of a file's messages.
    pub(super) fn read(&self, file: u64) -> io::Result<Vec<u8>> {
        let mut open = File::open(self.path(file))?;
        let mut magic = [0; MAGIC.len()];
        let mut bytes = Vec::new();
        match open.read_exact(&mut magic) {
            // Torn in the magic word: no message had been written yet.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(bytes),
            other => other?,
        }
        if magic != *MAGIC {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is no file of the Kafka spool"));
        }
        open.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Bytes of messages that a file holds, the last of which may be torn; none where there is no file.
    pub(super) fn length(&self, file: u64) -> io::Result<usize> {
        match fs::metadata(self.path(file)) {
            Ok(there) => Ok(usize::try_from(there.len()).unwrap_or(usize::MAX).saturating_sub(MAGIC.len())),
            Err(error) if is_missing(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes a part of a file, which begins `at` bytes after its first message. When it fails the beginning of the
    /// part may be there.
    pub(super) fn write(&self, file: u64, bytes: &[u8], at: usize) -> io::Result<()> {
        let new = at == 0;
        let open =
            OpenOptions::new().create(new).truncate(new).write(true).mode(0o600).open(self.path(file))?;
        if new {
            open.write_all_at(MAGIC, 0)?;
        }
        open.write_all_at(bytes, (MAGIC.len() + at) as u64)
    }

    /// Leaves so many bytes of messages in a file, or removes it where that is none.
    pub(super) fn cut(&self, file: u64, length: usize) -> io::Result<()> {
        if length == 0 {
            return self.remove(file);
        }
        OpenOptions::new().write(true).open(self.path(file))?.set_len((MAGIC.len() + length) as u64)
    }

    /// Whether a write went well. One that did not is told, at most once a minute.
    pub(super) fn went_well(&mut self, result: io::Result<()>) -> bool {
        let Err(error) = result else {
            self.trouble = None;
            return true;
        };
        self.trouble = Some(error.to_string().into());
        if self.said.is_none_or(|said| said.elapsed() >= AGAIN) {
            self.said = Some(Instant::now());
            tracing::error!(
                folder = %self.folder.display(),
                %error,
                "The Kafka spool cannot be written; messages stay in memory up to the buffer of [export.kafka]. Make room on the spool's disk, let the agent write there, or move state_dir."
            );
        }
        false
    }

    /// Why the last write failed, unless it went well.
    pub(super) fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.clone()
    }

    /// Replaces a file's messages; a crash leaves the old ones or the new ones.
    pub(super) fn replace(&self, file: u64, bytes: &[u8]) -> io::Result<()> {
        let new = self.folder.join(format!("{file:016x}.new"));
        let open = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        let written = open
            .write_all_at(MAGIC, 0)
            .and_then(|()| open.write_all_at(bytes, MAGIC.len() as u64))
            .and_then(|()| fs::rename(&new, self.path(file)));
        if written.is_err() {
            // It takes room that messages need.
            fs::remove_file(new)?;
        }
        written
    }

    /// Removes a file, which may be gone already.
    pub(super) fn remove(&self, file: u64) -> io::Result<()> {
        match fs::remove_file(self.path(file)) {
            Err(error) if is_missing(&error) => Ok(()),
            other => other,
        }
    }
}

/// Makes a folder where it is missing, and opens the file in it that is to be locked.
fn enter(folder: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(LOCK))
}

/// Whether an error says that there is no such file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
