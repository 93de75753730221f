//! The limit of rows a second: a bucket that holds one second's worth.

/// A token bucket on a clock of milliseconds.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    tokens: u64,
    filled: u64,
}

impl Rate {
    /// A full bucket.
    pub(super) fn new(per_second: u32, now: u64) -> Self {
        let per_second = u64::from(per_second);
        Self { per_second, tokens: per_second, filled: now }
    }

    /// Adds what has come since the last call.
    pub(super) fn refill(&mut self, now: u64) {
        let new = now.saturating_sub(self.filled).saturating_mul(self.per_second) / 1000;
        if new > 0 {
            self.tokens = self.tokens.saturating_add(new).min(self.per_second);
            self.filled = now;
        }
    }

    /// Takes one row; false when there is none left.
    pub(super) fn take(&mut self) -> bool {
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_a_second_of_rows_at_once_and_then_the_rate() {
        let mut rate = Rate::new(100, 0);
        assert_eq!((0..200).filter(|_| rate.take()).count(), 100);
        rate.refill(500);
        assert_eq!((0..200).filter(|_| rate.take()).count(), 50);
        rate.refill(60_000);
        assert_eq!((0..200).filter(|_| rate.take()).count(), 100);
    }

    #[test]
    fn many_short_steps_add_up_to_the_rate() {
        let mut rate = Rate::new(3, 0);
        let mut taken = 0;
        for now in 0..10_000 {
            rate.refill(now);
            taken += usize::from(rate.take());
        }
        assert!((30..=33).contains(&taken), "{taken}");
    }
}
