//! Who talks to whom: a graph of processes, containers or pods out of the rows of network probes.
//!
//! ```text
//!   store ──look──> seen (two states of each row) ──> build (ends, flows) ──> Graph ──cut──┬── JSON, text, dot
//!                                                                                          └── layout ──> svg ──> html
//! ```
//!
//! The store keeps sums; a rate needs two states of a sum. [`Topology::observe`] is called every few seconds, looks at
//! the few numbers that a graph needs, and keeps of each row what its last rows added and in what time. What it keeps
//! is bounded by the store's own bound of series.

mod build;
mod cut;
mod dot;
mod ends;
mod graph;
mod health;
mod html;
mod layout;
mod measure;
mod seen;
mod svg;
mod text;
mod words;

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

pub use self::build::NEEDED;
pub use self::cut::cut;
pub use self::dot::dot;
pub use self::ends::By;
pub use self::graph::{Edge, Graph, Kind, Node, Omitted};
pub use self::html::html;
use self::seen::Seen;
pub use self::seen::TABLES;
pub use self::text::text;
use crate::store::Store;

/// What the rows of network probes have said lately.
#[derive(Debug)]
pub struct Topology {
    store: Arc<Store>,
    seen: Mutex<Seen>,
}

impl Topology {
    /// Over a store whose rows are to come. `now` in milliseconds of the monotonic clock.
    #[must_use]
    pub fn new(store: Arc<Store>, now: u64) -> Self {
        Self { store, seen: Mutex::new(Seen::new(now)) }
    }

    /// Takes note of rows that have come since the last call. Where a graph is being made it does nothing: making one
    /// begins with the same.
    pub fn observe(&self, now: u64) {
        let mut seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        seen.look(&self.store, now);
    }

    /// The graph of what is known now. Takes some milliseconds per 10,000 rows; several callers take turns.
    #[must_use]
    pub fn graph(&self, by: By, now: u64) -> Graph {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.look(&self.store, now);
        build::build(&seen, by, now)
    }
}

#[cfg(test)]
mod tests;
