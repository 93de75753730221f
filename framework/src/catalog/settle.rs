//! When a touched folder is looked at: once it is quiet, and a bad one again later before it is called bad. Pure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A folder that has not been touched for this long is loaded.
const QUIET: Duration = Duration::from_millis(250);
/// A folder that is bad and has not been touched for this long is reported.
const BAD: Duration = Duration::from_secs(1);
/// A folder that is never quiet is loaded nevertheless this long after its first touch.
const LONGEST: Duration = Duration::from_secs(5);

/// What a look at a folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The first: a bad folder may still be in the middle of a copy.
    Early,
    /// The last: what it shows holds.
    Final,
}

/// The touched folders and their deadlines.
#[derive(Debug, Default)]
pub(super) struct Settle(BTreeMap<PathBuf, Touch>);

#[derive(Debug)]
struct Touch {
    first: Instant,
    last: Instant,
    next: Look,
}

impl Touch {
    fn due(&self) -> Instant {
        let wait = match self.next {
            Look::Early => QUIET,
            Look::Final => BAD,
        };
        (self.last + wait).min(self.first + LONGEST)
    }
}

impl Settle {
    /// Something in the folder changed.
    pub(super) fn touch(&mut self, path: &Path, now: Instant) {
        let touch =
            self.0.entry(path.to_owned()).or_insert(Touch { first: now, last: now, next: Look::Early });
        touch.last = now;
        touch.next = Look::Early;
    }

    /// The folder was bad at its early look: it gets the final one.
    pub(super) fn wait_longer(&mut self, path: &Path, touched: (Instant, Instant)) {
        let (first, last) = touched;
        self.0.insert(path.to_owned(), Touch { first, last, next: Look::Final });
    }

    /// Takes out the folders whose time has come, with their first and last touch.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(PathBuf, Look, (Instant, Instant))> {
        let due = self.0.extract_if(.., |_, touch| touch.due() <= now);
        due.map(|(path, touch)| (path, touch.next, (touch.first, touch.last))).collect()
    }

    /// When the next folder is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(Touch::due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(due: Vec<(PathBuf, Look, (Instant, Instant))>) -> Vec<(PathBuf, Look)> {
        due.into_iter().map(|(path, look, _)| (path, look)).collect()
    }

    #[test]
    fn a_touch_puts_the_look_off() {
        let (start, path) = (Instant::now(), Path::new("/a"));
        let mut settle = Settle::default();
        settle.touch(path, start);
        settle.touch(path, start + Duration::from_millis(200));
        assert!(settle.due(start + Duration::from_millis(300)).is_empty());
        assert_eq!(paths(settle.due(start + Duration::from_millis(450))), [(path.into(), Look::Early)]);
        assert_eq!(settle.next(), None);
    }

    #[test]
    fn a_bad_folder_is_looked_at_again_a_second_after_its_last_touch() {
        let (start, path) = (Instant::now(), Path::new("/a"));
        let mut settle = Settle::default();
        settle.touch(path, start);
        for (path, _, touched) in settle.due(start + QUIET) {
            settle.wait_longer(&path, touched);
        }
        assert_eq!(settle.next(), Some(start + BAD));
        assert_eq!(paths(settle.due(start + BAD)), [(path.into(), Look::Final)]);
    }

    #[test]
    fn a_folder_that_is_never_quiet_is_looked_at_in_the_end() {
        let (start, path) = (Instant::now(), Path::new("/a"));
        let mut settle = Settle::default();
        let mut looks = 0;
        for tick in 0..52 {
            let now = start + Duration::from_millis(100 * tick);
            settle.touch(path, now);
            looks += settle.due(now).len();
        }
        assert_eq!(looks, 1);
    }
}
