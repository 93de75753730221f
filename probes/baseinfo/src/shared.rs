//! What all items share: the root, units, one buffer, and reports that say a thing once.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::io;
use std::path::Path;

use gopher_procfs::{Buffer, FileReader, Root, System};

use crate::alarms::Alarms;

/// So many failures are remembered; above that the memory starts anew.
const MAX_REPORTS: usize = 1024;

/// Shared by the items, one of which runs at a time.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) root: Root,
    pub(crate) system: System,
    pub(crate) buffer: Buffer,
    /// The operator's thresholds.
    pub(crate) alarms: Alarms,
    pub(crate) reports: Reports,
}

impl Shared {
    /// The root that `GOPHER_HOST_PATH` names.
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        Self::new(Root::from_env())
    }

    /// Any root, for tests.
    pub(crate) fn new(root: Root) -> anyhow::Result<Self> {
        let (buffer, reports) = (Buffer::new(), Reports::default());
        Ok(Self { root, system: System::read()?, buffer, reports, alarms: Alarms::default() })
    }

    /// A reader of a file of the host.
    pub(crate) fn reader(&self, absolute: &str) -> FileReader {
        FileReader::new(self.root.path(absolute))
    }

    /// The text of a file; a failure is reported once and leaves the file's values absent.
    pub(crate) fn read(&mut self, reader: &mut FileReader) -> Option<&[u8]> {
        match reader.read(&mut self.buffer) {
            Ok(text) => {
                self.reports.works(reader.path());
                Some(text)
            }
            Err(error) => {
                self.reports.refused(reader.path(), &error);
                None
            }
        }
    }
}

/// Says each failure once: again only when its reason changes or when it had gone in between.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    said: HashMap<String, Said>,
    /// The reason that is looked at, its space used again and again.
    reason: String,
}

/// What was said last about something.
#[derive(Debug)]
struct Said {
    errno: Option<i32>,
    reason: String,
}

impl Reports {
    /// Something does not work, for this reason.
    pub(crate) fn failed(&mut self, what: impl AsRef<Path>, why: &dyn Display) {
        self.say(&what.as_ref().to_string_lossy(), None, why);
    }

    /// The system refuses something.
    pub(crate) fn refused(&mut self, what: impl AsRef<Path>, error: &io::Error) {
        self.say(&what.as_ref().to_string_lossy(), error.raw_os_error(), error);
    }

    fn say(&mut self, what: &str, errno: Option<i32>, why: &dyn Display) {
        if self.is_news(what, errno, why) {
            probe_sdk::log(format_args!("{what}: {why}"));
        }
    }

    fn is_news(&mut self, what: &str, errno: Option<i32>, why: &dyn Display) -> bool {
        let said = self.said.get(what);
        // Without the text, which the system makes anew each time.
        if errno.is_some() && said.is_some_and(|said| said.errno == errno) {
            return false;
        }
        self.reason.clear();
        // Writing to a string does not fail.
        write!(self.reason, "{why}").ok();
        if said.is_some_and(|said| said.reason == self.reason) {
            return false;
        }
        if self.said.len() >= MAX_REPORTS {
            self.said.clear();
        }
        self.said.insert(what.to_owned(), Said { errno, reason: self.reason.clone() });
        true
    }

    /// It works (again).
    pub(crate) fn works(&mut self, what: impl AsRef<Path>) {
        if self.said.is_empty() {
            return;
        }
        let what = what.as_ref().to_string_lossy();
        if self.said.remove(what.as_ref()).is_some() {
            probe_sdk::log(format_args!("{what}: works again"));
        }
    }
}

/// `part` in percent of `all`; `None` when there is nothing to be a part of.
pub(crate) fn percent(part: u64, all: u64) -> Option<f64> {
    ratio(part, all).map(|ratio| 100.0 * ratio)
}

/// `part` divided by `all`; `None` when `all` is zero.
#[expect(clippy::cast_precision_loss, reason = "53 bits are far more than any of these ratios mean")]
pub(crate) fn ratio(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// Increase per second; `None` when the total went back (its source started anew) or no time has passed.
#[expect(clippy::cast_precision_loss, reason = "53 bits are far more than any of these rates mean")]
pub(crate) fn per_second(before: u64, now: u64, elapsed: std::time::Duration) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    let increase = now.checked_sub(before)? as f64;
    (seconds > 0.0).then(|| increase / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_said_again_only_when_its_reason_changes_or_it_had_gone() {
        let mut reports = Reports::default();
        assert!(reports.is_news("file", None, &"gone"));
        assert!(!reports.is_news("file", None, &"gone"));
        assert!(reports.is_news("file", Some(13), &"refused"));
        assert!(!reports.is_news("file", Some(13), &"refused"));
        assert!(reports.is_news("file", Some(5), &"broken"));
        reports.works("file");
        assert!(reports.is_news("file", None, &"gone"));
    }

    #[test]
    fn remembered_failures_are_bounded() {
        let mut reports = Reports::default();
        for index in 0..3 * MAX_REPORTS {
            assert!(reports.is_news(&index.to_string(), None, &""));
        }
        assert!(reports.said.len() <= MAX_REPORTS);
    }
}
