//! A bounded map that forgets what was not used for longest.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Two generations: what is used moves to the new one; when that is full, the old one is forgotten. So what is kept is at
/// least the latest half of `most`, and never more than `most`, at the cost of a map.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    new: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
    forgotten: u64,
}

impl<K: Copy + Eq + Hash, V: Copy> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { new: HashMap::new(), old: HashMap::new(), half: (most / 2).max(1), forgotten: 0 }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.new.len() >= self.half && !self.new.contains_key(&key) {
            self.forgotten += self.old.len() as u64;
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(key, value);
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.new.get(key) {
            return Some(*value);
        }
        let value = self.old.remove(key)?;
        self.insert(*key, value);
        Some(value)
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.new.remove(key);
        self.old.remove(key);
    }

    /// What is over is still asked for by whom adds it up later, and is among the first to be forgotten.
    pub(super) fn retire(&mut self, key: &K) {
        if self.old.len() >= self.half {
            self.remove(key);
        } else if let Some(value) = self.new.remove(key) {
            self.old.insert(*key, value);
        }
    }

    /// How many entries were dropped for lack of room.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(4);
        recent.insert(0, "used");
        for key in 1..20 {
            recent.insert(key, "other");
            assert_eq!(recent.get(&0), Some("used"), "after {key}");
        }
        assert_eq!((recent.get(&1), recent.get(&19)), (None, Some("other")));
        assert!(recent.forgotten() > 0);
    }

    #[test]
    fn what_is_over_is_known_until_there_is_need_for_its_place() {
        let mut recent = Recent::new(4);
        recent.insert(1, "over");
        recent.retire(&1);
        assert_eq!(recent.get(&1), Some("over"));
        recent.remove(&1);
        assert_eq!(recent.get(&1), None);
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_its_bound(steps in proptest::collection::vec((0u8..4, 0u8..40), 0..400)) {
            let mut recent = Recent::new(10);
            for (step, key) in steps {
                match step {
                    0 | 1 => recent.insert(key, ()),
                    2 => recent.retire(&key),
                    _ => drop(recent.get(&key)),
                }
                prop_assert!(recent.new.len() + recent.old.len() <= 10);
            }
        }
    }
}
