//! Says each failure once, until it works again.

use std::collections::BTreeSet;
use std::fmt::Display;

/// What has been said.
#[derive(Debug, Default)]
pub(crate) struct Said(BTreeSet<&'static str>);

impl Said {
    /// Something does not work; nothing more is said of it until it does.
    pub(crate) fn failed(&mut self, what: &'static str, why: &dyn Display) {
        if self.0.insert(what) {
            probe_sdk::log(format_args!("{what}: {why}"));
        }
    }

    pub(crate) fn works(&mut self, what: &'static str) {
        self.0.remove(what);
    }
}
