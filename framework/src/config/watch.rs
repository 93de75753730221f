//! Asks for a reload once the configuration files have changed and are quiet again.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::load::app_conf_of;
pub use crate::dirwatch::Watch;
use crate::dirwatch::{DirWatch, Touched, Wake, points};

/// A file counts as quiet when it has not changed for this long.
const QUIET: Duration = Duration::from_millis(50);
/// A file that never gets quiet is reloaded nevertheless after this long.
const LONGEST: Duration = Duration::from_secs(5);
/// Events that come in swarms are looked at together.
const GATHER: Duration = Duration::from_millis(5);

/// The configuration files changed: load them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload;

/// Watches the main file and the whitelist beside it. Start the watch before loading: what changes later is then
/// seen. Requests that nobody has taken yet are one request.
///
/// # Errors
/// The system has no watch or no thread left; SIGHUP still reloads.
pub fn watch(main: &Path) -> notify::Result<Watch<Reload>> {
    let main = std::path::absolute(main).map_err(notify::Error::io)?;
    let files = [app_conf_of(&main), main];
    let mut watch = DirWatch::new()?;
    watch.aim(&Touched::default(), || wanted(&files));
    let first = identity(&files);
    let (sender, changes) = mpsc::channel(1);
    let stopper = watch.stopper();
    let thread = std::thread::Builder::new().name("config-watch".into());
    thread.spawn(move || run(watch, &files, first, &sender)).map_err(notify::Error::io)?;
    Ok(Watch { changes, _stopper: stopper })
}

fn run(mut watch: DirWatch, files: &[PathBuf], first: Identity, sender: &mpsc::Sender<Reload>) {
    let mut quiet = Quiet { loaded: first.clone(), seen: first, since: None };
    loop {
        match watch.wait(quiet.due().map(|due| due.saturating_duration_since(Instant::now()))) {
            Wake::Stopped => return,
            Wake::Timeout => {}
            Wake::Touched(touched) => {
                std::thread::sleep(GATHER);
                watch.aim(&touched, || wanted(files));
            }
        }
        if quiet.look(identity(files), Instant::now()) {
            match sender.try_send(Reload) {
                // A request that still waits covers this one.
                Ok(()) | Err(mpsc::error::TrySendError::Full(Reload)) => {}
                Err(mpsc::error::TrySendError::Closed(Reload)) => return,
            }
        }
    }
}

fn wanted(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    files.iter().flat_map(|file| points(file)).collect()
}

/// What tells one content of the files from another without reading it; `None` = no such file.
type Identity = Vec<Option<(u64, u64, u64, i64, i64, i64)>>;

fn identity(files: &[PathBuf]) -> Identity {
    let of = |file: &PathBuf| {
        let meta = file.metadata().ok()?;
        let nanos = meta.mtime_nsec();
        Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), nanos, meta.ctime_nsec()))
    };
    files.iter().map(of).collect()
}

/// Decides when a change is complete.
struct Quiet {
    loaded: Identity,
    seen: Identity,
    /// When the first and the last change since the last request were seen.
    since: Option<(Instant, Instant)>,
}

impl Quiet {
    fn due(&self) -> Option<Instant> {
        self.since.map(|(first, last)| (last + QUIET).min(first + LONGEST))
    }

    /// Takes a look at the files; true when it is time to load them.
    fn look(&mut self, now_there: Identity, now: Instant) -> bool {
        if now_there != self.seen {
            self.seen = now_there;
            self.since = Some((self.since.map_or(now, |(first, _)| first), now));
        }
        if self.due().is_none_or(|due| now < due) {
            return false;
        }
        self.since = None;
        let changed = self.seen != self.loaded;
        self.loaded.clone_from(&self.seen);
        changed
    }
}

#[cfg(test)]
mod tests;
