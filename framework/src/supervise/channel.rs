//! The configuration's way to a process: a line on its stdin, or a file; never in the way of anybody.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gopher_protocol::control::ConfigMessage;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use crate::sync::lock;

/// Configurations whose answer is awaited; older ones are forgotten.
const AWAITED: usize = 8;

/// What became of the configurations of one process.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    inner: Mutex<Inner>,
    /// [`Delivered::applied`], for those that wait for it.
    applied: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct Inner {
    facts: Delivered,
    /// Generations on their way, with the time when their writing began.
    awaited: VecDeque<(u64, Instant)>,
}

/// What became of the configurations of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The newest generation that the process took: written whole to its stdin, or to its file.
    pub sent: Option<u64>,
    /// The newest generation that it said is in force.
    pub applied: Option<u64>,
    /// From the beginning of the writing to that answer.
    pub apply_time: Option<Duration>,
    /// Since when a line waits for the process to read it.
    pub waiting: Option<Instant>,
    /// Why nothing more can be sent.
    pub broken: Option<String>,
}

impl Delivery {
    /// A new process has been told nothing.
    pub(super) fn begin(&self) {
        *lock(&self.inner) = Inner::default();
        self.applied.send_replace(None);
    }

    pub(super) fn facts(&self) -> Delivered {
        lock(&self.inner).facts.clone()
    }

    /// What [`Delivered::applied`] is, and will be.
    pub(super) fn watch_applied(&self) -> watch::Receiver<Option<u64>> {
        self.applied.subscribe()
    }

    pub(super) fn writing(&self, generation: u64, now: Instant) {
        let mut inner = lock(&self.inner);
        if inner.awaited.len() == AWAITED {
            inner.awaited.pop_front();
        }
        inner.awaited.push_back((generation, now));
        inner.facts.waiting = Some(now);
    }

    pub(super) fn written(&self, generation: u64) {
        let facts = &mut lock(&self.inner).facts;
        facts.sent = Some(generation);
        facts.waiting = None;
    }

    pub(super) fn failed(&self, reason: String) {
        let facts = &mut lock(&self.inner).facts;
        facts.waiting = None;
        facts.broken = Some(reason);
    }

    /// The process says that a generation is in force; one that was not sent to it is ignored.
    pub(super) fn applied(&self, generation: u64, now: Instant) {
        let inner = &mut *lock(&self.inner);
        if let Some((_, began)) = inner.awaited.iter().find(|(awaited, _)| *awaited == generation) {
            inner.facts.applied = Some(generation);
            self.applied.send_replace(Some(generation));
            inner.facts.apply_time = Some(now.saturating_duration_since(*began));
        }
        inner.awaited.retain(|(awaited, _)| *awaited > generation);
    }
}

/// Writes each configuration that `latest` shows as a line. One that was replaced before its writing began is never
/// written. Ends when the process closes its stdin; dropping the future closes it from this side.
pub(super) async fn write_lines(
    pipe: pipe::Sender,
    mut latest: watch::Receiver<Option<Arc<ConfigMessage>>>,
    delivery: Arc<Delivery>,
) {
    loop {
        let message = latest.borrow_and_update().clone();
        if let Some(message) = message {
            delivery.writing(message.generation, Instant::now());
            if let Err(error) = write_all(&pipe, message.to_line().as_bytes()).await {
                delivery.failed(format!("its stdin is closed ({error})"));
                return;
            }
            delivery.written(message.generation);
        }
        if latest.changed().await.is_err() {
            return;
        }
    }
}

async fn write_all(pipe: &pipe::Sender, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        pipe.writable().await?;
        match pipe.try_write(line) {
            Ok(count) => line = &line[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where the configuration file of a folder is.
pub(super) fn file(run_dir: &Path, folder: &str) -> PathBuf {
    run_dir.join("config").join(format!("{folder}.json"))
}

/// Replaces the file as a whole, so that a reader sees the old or the new one. Every user may read it, because the
/// process may run as any.
///
/// # Errors
/// Those of the file system.
pub(super) fn replace(file: &Path, message: &ConfigMessage) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(message.to_line().as_bytes())?;
    new.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    new.persist(file)?;
    Ok(())
}

/// Removes the file of a folder that is gone, if there is one.
pub(super) fn discard(file: &Path) {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %file.display(), %error, "Cannot remove a probe's configuration.");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(generation: u64) -> ConfigMessage {
        ConfigMessage { version: 1, generation, ..ConfigMessage::default() }
    }

    #[test]
    fn answer_is_timed_from_the_beginning_of_the_writing() {
        let (delivery, start) = (Delivery::default(), Instant::now());
        delivery.writing(7, start);
        delivery.written(7);
        delivery.applied(7, start + Duration::from_millis(20));
        let facts = delivery.facts();
        assert_eq!((facts.sent, facts.applied), (Some(7), Some(7)));
        assert_eq!(facts.apply_time, Some(Duration::from_millis(20)));
    }

    #[test]
    fn answer_to_what_was_never_sent_is_ignored() {
        let delivery = Delivery::default();
        delivery.applied(99, Instant::now());
        assert_eq!(delivery.facts().applied, None);
    }

    #[test]
    fn silent_process_costs_a_bounded_memory() {
        let delivery = Delivery::default();
        for generation in 0..1000 {
            delivery.writing(generation, Instant::now());
        }
        assert_eq!(lock(&delivery.inner).awaited.len(), AWAITED);
    }

    #[test]
    fn replaced_file_is_whole_and_readable_by_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(folder.path(), "demo");
        replace(&file, &message(1)).expect("a new file");
        replace(&file, &message(2)).expect("a replaced file");
        let text = std::fs::read_to_string(&file).expect("the file");
        assert_eq!(ConfigMessage::from_line(&text).expect("its message").generation, 2);
        assert_eq!(file.metadata().expect("its mode").permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_dir(folder.path().join("config")).expect("its folder").count(), 1);
    }

    #[tokio::test]
    async fn a_process_that_does_not_read_gets_the_latest_once_it_does() {
        let (pipe, reader) = pipe::pipe().expect("a pipe");
        let (latest, receiver) = watch::channel(None);
        let delivery = Arc::new(Delivery::default());
        let writer = tokio::spawn(write_lines(pipe, receiver, Arc::clone(&delivery)));
        let mut large = message(1);
        large.probes.insert("x".repeat(1 << 20), gopher_protocol::control::ProbeConfig::default());
        latest.send_replace(Some(Arc::new(large)));
        while delivery.facts().waiting.is_none() {
            tokio::task::yield_now().await;
        }
        for generation in 2..=500 {
            latest.send_replace(Some(Arc::new(message(generation))));
        }
        let mut text = Vec::new();
        let mut part = vec![0; 1 << 16];
        while delivery.facts().sent != Some(500) || text.last() != Some(&b'\n') {
            match reader.try_read(&mut part) {
                Ok(count) => text.extend_from_slice(&part[..count]),
                Err(_) => tokio::task::yield_now().await,
            }
        }
        let text = String::from_utf8(text).expect("JSON");
        let generations: Vec<_> =
            text.lines().map(|line| ConfigMessage::from_line(line).expect("a message").generation).collect();
        assert_eq!(generations, [1, 500]);
        writer.abort();
    }
}
