//! Which events are passed on: not the same again within a window. The latest are kept for who asks.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};

use super::records::Record;
use crate::sync::lock;
use foldhash::fast::RandomState;

/// Entities with a metric that are remembered; with more at a time events are passed on more often.
const REMEMBERED: usize = 65_536;
/// Events that are kept.
const KEPT: usize = 1000;

/// What is remembered of events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// When the latest one was passed on, by entity and metric.
    seen: Mutex<Seen>,
    kept: Mutex<VecDeque<Arc<Record>>>,
}

#[derive(Debug, Default)]
struct Seen {
    hasher: RandomState,
    times: HashMap<u64, u64, RandomState>,
}

impl Events {
    /// Whether an event is to be passed on: none about the same entity, its id and the same metric was within `window`.
    /// Times are milliseconds on the monotonic clock.
    pub(super) fn is_new(&self, about: [&str; 3], now: u64, window: u64) -> bool {
        if window == 0 {
            return true;
        }
        let mut seen = lock(&self.seen);
        let key = seen.hasher.hash_one(about);
        let is_recent = |at: u64| now.saturating_sub(at) < window;
        if seen.times.get(&key).is_some_and(|at| is_recent(*at)) {
            return false;
        }
        if seen.times.len() >= REMEMBERED && !seen.times.contains_key(&key) {
            seen.times.retain(|_, at| is_recent(*at));
        }
        if seen.times.len() < REMEMBERED || seen.times.contains_key(&key) {
            seen.times.insert(key, now);
        }
        true
    }

    pub(super) fn keep(&self, event: Arc<Record>) {
        let mut kept = lock(&self.kept);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event);
    }

    /// The latest events, the oldest first.
    pub(super) fn latest(&self) -> Vec<Arc<Record>> {
        lock(&self.kept).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_metric_of_the_same_entity_is_new_again_after_the_window() {
        let events = Events::default();
        let is_new = |id, metric, now| events.is_new(["disk", id, metric], now, 100);
        assert!(is_new("sda", "util", 1000));
        assert!(!is_new("sda", "util", 1099));
        assert!(is_new("sda", "await", 1001) && is_new("sdb", "util", 1001));
        assert!(is_new("sda", "util", 1100));
        // The window counts from the event that was passed on.
        assert!(!is_new("sda", "util", 1199) && is_new("sda", "util", 1200));
    }

    #[test]
    fn without_a_window_every_event_is_new() {
        let events = Events::default();
        assert!((0..3).all(|_| events.is_new(["disk", "sda", "util"], 5, 0)));
    }

    #[test]
    fn more_entities_than_are_remembered_lose_no_event_and_no_memory() {
        let events = Events::default();
        let ids: Vec<_> = (0..REMEMBERED + 10).map(|id| id.to_string()).collect();
        assert!(ids.iter().all(|id| events.is_new(["disk", id, "m"], 0, 100)));
        assert_eq!(lock(&events.seen).times.len(), REMEMBERED);
        assert!(!events.is_new(["disk", &ids[0], "m"], 50, 100));
        assert!(events.is_new(["disk", &ids[REMEMBERED], "m"], 50, 100));
        // Those that are over make room.
        assert!(events.is_new(["disk", "late", "m"], 200, 100));
        assert_eq!(lock(&events.seen).times.len(), 1);
    }
}
