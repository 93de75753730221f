//! When consumers are told what the tables hold: at the start, every ten minutes, and when a table is new or another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store::{Layout, Store};

/// Between two tellings of all tables.
const ALL: Duration = Duration::from_secs(600);
/// Between two looks for changes.
const LOOK: Duration = Duration::from_secs(2);

/// What was told, and when.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    told: Vec<Arc<Layout>>,
    all: Option<Instant>,
    looked: Option<Instant>,
}

impl Metadata {
    /// The tables that are to be told now.
    pub(super) fn due(&mut self, store: &Store) -> Vec<Arc<Layout>> {
        let now = Instant::now();
        if self.looked.is_some_and(|looked| now.duration_since(looked) < LOOK) {
            return Vec::new();
        }
        self.looked = Some(now);
        let tables = store.layouts();
        let all = self.all.is_none_or(|all| now.duration_since(all) >= ALL);
        let is_news = |layout: &&Arc<Layout>| all || !self.told.iter().any(|told| Arc::ptr_eq(told, layout));
        let due = tables.iter().filter(is_news).cloned().collect();
        if all {
            self.all = Some(now);
        }
        self.told = tables;
        due
    }
}
