//! What a folder's processes say in plain text: to the agent's log at a bounded rate, and the end of it for the status.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// Lines of stderr that are kept.
const TAIL: usize = 50;
/// Bytes of a line that are kept and logged.
const CUT: usize = 1024;
/// Lines logged at once.
const BURST: u32 = 100;
/// One more line may be logged after this time.
const INTERVAL: Duration = Duration::from_millis(50);

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Text between the rows.
    Stdout,
    /// All of stderr.
    Stderr,
}

/// The text of one folder's processes, one after the other.
#[derive(Debug)]
pub(super) struct Journal {
    folder: Arc<str>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    tail: VecDeque<String>,
    /// Lines of stderr since the process started.
    fresh: u64,
    bucket: Bucket,
    /// Lines that did not reach the log since the last one that did.
    silent: u64,
    /// All lines that did not reach the log.
    suppressed: u64,
}

impl Journal {
    pub(super) fn new(folder: Arc<str>) -> Self {
        let inner = Inner {
            tail: VecDeque::new(),
            fresh: 0,
            bucket: Bucket::full(Instant::now()),
            silent: 0,
            suppressed: 0,
        };
        Self { folder, inner: Mutex::new(inner) }
    }

    /// A new process writes from here on.
    pub(super) fn begin(&self) {
        lock(&self.inner).fresh = 0;
    }

    /// Takes a line without its newline.
    pub(super) fn write(&self, stream: Stream, line: &[u8]) {
        let mut inner = lock(&self.inner);
        let logs = inner.bucket.take(Instant::now());
        if !logs {
            inner.silent += 1;
            inner.suppressed += 1;
            if stream == Stream::Stdout {
                return;
            }
        }
        let text = readable(line);
        let silent = if logs { std::mem::take(&mut inner.silent) } else { 0 };
        if stream == Stream::Stderr {
            inner.fresh += 1;
            if inner.tail.len() == TAIL {
                inner.tail.pop_front();
            }
            inner.tail.push_back(text.clone());
        }
        drop(inner);
        self.report(silent);
        if logs {
            let stream = if stream == Stream::Stderr { "stderr" } else { "stdout" };
            tracing::info!(target: "probe", probe = %self.folder, stream, "{text}");
        }
    }

    /// The process has ended: says how many lines did not reach the log.
    pub(super) fn end(&self) {
        let silent = std::mem::take(&mut lock(&self.inner).silent);
        self.report(silent);
    }

    /// The last lines of stderr, oldest first.
    pub(super) fn tail(&self) -> Vec<String> {
        lock(&self.inner).tail.iter().cloned().collect()
    }

    /// The last line of stderr that the present process wrote and that says something.
    pub(super) fn last(&self) -> Option<String> {
        let inner = lock(&self.inner);
        let fresh = usize::try_from(inner.fresh).unwrap_or(usize::MAX);
        inner.tail.iter().rev().take(fresh).find(|line| !line.trim().is_empty()).cloned()
    }

    /// All lines that did not reach the log.
    pub(super) fn suppressed(&self) -> u64 {
        lock(&self.inner).suppressed
    }

    fn report(&self, silent: u64) {
        if silent > 0 {
            tracing::warn!(target: "probe", probe = %self.folder, lines = silent, "Lines of text not logged: too many.");
        }
    }
}

/// Text that can neither forge a line of the log nor steer a terminal.
fn readable(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(&line[..line.len().min(CUT)]);
    text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    tokens: u32,
    filled: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { tokens: BURST, filled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        let gained = u32::try_from(passed.as_nanos() / INTERVAL.as_nanos()).unwrap_or(u32::MAX);
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained).min(BURST);
            self.filled += INTERVAL * gained.min(BURST);
            if self.tokens == BURST {
                self.filled = now;
            }
        }
        let has = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        Journal::new("demo".into())
    }

    #[test]
    fn keeps_the_last_fifty_lines_of_stderr() {
        let journal = journal();
        for number in 0..60 {
            journal.write(Stream::Stderr, format!("line {number}").as_bytes());
        }
        journal.write(Stream::Stdout, b"no row");
        let tail = journal.tail();
        assert_eq!((tail.len(), tail[0].as_str(), tail[49].as_str()), (50, "line 10", "line 59"));
    }

    #[test]
    fn cuts_a_line_at_one_kibibyte() {
        let journal = journal();
        journal.write(Stream::Stderr, &[b'x'; 5000]);
        assert_eq!(journal.tail()[0].len(), CUT);
    }

    #[test]
    fn control_characters_do_not_reach_the_log() {
        assert_eq!(readable(b"a\x1b[31mb\tc\r"), "a\u{FFFD}[31mb\tc");
    }

    #[test]
    fn last_line_is_of_the_present_process() {
        let journal = journal();
        journal.write(Stream::Stderr, b"old");
        journal.begin();
        assert_eq!(journal.last(), None);
        journal.write(Stream::Stderr, b"no BTF");
        journal.write(Stream::Stderr, b" ");
        assert_eq!(journal.last().as_deref(), Some("no BTF"));
    }

    #[test]
    fn bucket_gives_a_burst_then_twenty_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let taken = |bucket: &mut Bucket, now| (0..1000).filter(|_| bucket.take(now)).count();
        assert_eq!(taken(&mut bucket, start), 100);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(1)), 20);
        assert_eq!(taken(&mut bucket, start + Duration::from_hours(1)), 100);
    }

    #[test]
    fn lines_over_the_rate_are_counted() {
        let journal = journal();
        for _ in 0..5000 {
            journal.write(Stream::Stdout, b"noise");
        }
        assert!(journal.suppressed() >= 4000);
    }
}
