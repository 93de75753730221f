//! Notices that a file with a certificate, key or password was replaced.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::config::export::Kafka;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(10);

/// What tells one content of a file from another: inode, time of change, size; `None` when it cannot be seen.
type Mark = Option<(u64, i64, i64, u64)>;

/// The files that a client was made with.
#[derive(Debug)]
pub(super) struct Files {
    files: Vec<(PathBuf, Mark)>,
    looked: Instant,
}

impl Files {
    pub(super) fn new(settings: &Kafka) -> Self {
        let files =
            [&settings.ca_file, &settings.cert_file, &settings.key_file, &settings.sasl_password_file];
        let named = files.into_iter().flatten();
        Self { files: named.map(|file| (file.clone(), mark(file))).collect(), looked: Instant::now() }
    }

    /// Whether one has changed; looks every ten seconds. One that is missing is awaited.
    pub(super) fn changed(&mut self, now: Instant) -> bool {
        if now.duration_since(self.looked) < PERIOD {
            return false;
        }
        self.looked = now;
        let mut changed = false;
        for (file, before) in &mut self.files {
            let now = mark(file);
            if now.is_some() && now != *before {
                *before = now;
                changed = true;
            }
        }
        changed
    }
}

fn mark(file: &PathBuf) -> Mark {
    let meta = fs::metadata(file).ok()?;
    Some((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.size()))
}
