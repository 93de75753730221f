//! The last sample per name, found without allocating while the names stay in their order.

/// Samples by name.
#[derive(Debug)]
pub(crate) struct Previous<T> {
    entries: Vec<Entry<T>>,
    cursor: usize,
}

#[derive(Debug)]
struct Entry<T> {
    name: Vec<u8>,
    sample: T,
    seen: bool,
}

impl<T> Default for Previous<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), cursor: 0 }
    }
}

impl<T> Previous<T> {
    /// Puts the sample of now in and returns the one before; `None` for a new name.
    pub(crate) fn swap(&mut self, name: &[u8], now: T) -> Option<T> {
        let here = |entry: &Entry<T>| entry.name == name;
        let hint = Some(self.cursor).filter(|index| self.entries.get(*index).is_some_and(here));
        let Some(index) = hint.or_else(|| self.entries.iter().position(here)) else {
            // At the cursor, so that the order of the names is kept for the next time.
            self.entries.insert(self.cursor, Entry { name: name.to_vec(), sample: now, seen: true });
            self.cursor += 1;
            return None;
        };
        self.cursor = index + 1;
        let entry = self.entries.get_mut(index)?;
        entry.seen = true;
        Some(std::mem::replace(&mut entry.sample, now))
    }

    /// Ends a round: names that were not seen in it are forgotten.
    pub(crate) fn end_round(&mut self) {
        self.entries.retain_mut(|entry| std::mem::take(&mut entry.seen));
        self.cursor = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(previous: &mut Previous<u32>, names: &[&str], sample: u32) -> Vec<Option<u32>> {
        let found = names.iter().map(|name| previous.swap(name.as_bytes(), sample)).collect();
        previous.end_round();
        found
    }

    #[test]
    fn a_name_that_vanished_starts_anew() {
        let mut previous = Previous::default();
        assert_eq!(round(&mut previous, &["a", "b"], 1), [None, None]);
        assert_eq!(round(&mut previous, &["b"], 2), [Some(1)]);
        assert_eq!(round(&mut previous, &["a", "b"], 3), [None, Some(2)]);
        assert_eq!(round(&mut previous, &["b", "a"], 4), [Some(3), Some(3)]);
    }
}
