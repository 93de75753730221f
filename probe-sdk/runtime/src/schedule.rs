//! When the next tick is due. Pure: it is told the time.

use std::time::{Duration, Instant};

/// The second tick comes this soon after the first one, so that rates, which need two samples, show at once.
const PRIME: Duration = Duration::from_secs(1);

/// Ticks at multiples of the period after the first one, without drift.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    period: Option<Duration>,
    /// The next regular tick.
    due: Option<Instant>,
    /// The early second tick.
    prime: Option<Instant>,
}

impl Schedule {
    /// Takes a new configuration in. `restart` asks for a tick at once: items or parameters have changed.
    pub(crate) fn configure(&mut self, period: Option<Duration>, restart: bool, now: Instant) {
        let first = self.due.is_none();
        self.period = period;
        if period.is_none() {
            *self = Self::default();
        } else if restart || first {
            self.due = Some(now);
            self.prime = if first { Some(now + PRIME) } else { self.prime };
        }
    }

    /// When to wake at the latest; `None` = only for a new configuration.
    pub(crate) fn due(&self) -> Option<Instant> {
        match (self.due, self.prime) {
            (Some(due), Some(prime)) => Some(due.min(prime)),
            (due, _) => due,
        }
    }

    /// True when a tick is due, which this call takes. Ticks that were missed are left out, not caught up.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let (Some(due), Some(period)) = (self.due, self.period) else { return false };
        let primed = self.prime.is_some_and(|prime| prime <= now);
        if primed {
            self.prime = None;
        }
        if due > now {
            return primed;
        }
        let late = now.duration_since(due).as_nanos() / period.as_nanos().max(1);
        let steps = u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1);
        self.due = Some(period.checked_mul(steps).and_then(|ahead| due.checked_add(ahead)).unwrap_or(now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(5);

    fn started(now: Instant) -> Schedule {
        let mut schedule = Schedule::default();
        schedule.configure(Some(PERIOD), true, now);
        schedule
    }

    #[test]
    fn the_first_tick_is_at_once_and_the_second_one_second_later() {
        let start = Instant::now();
        let mut schedule = started(start);
        assert!(schedule.take(start));
        assert_eq!(schedule.due(), Some(start + PRIME));
        assert!(schedule.take(start + PRIME));
        assert_eq!(schedule.due(), Some(start + PERIOD));
    }

    #[test]
    fn late_wakes_do_not_shift_later_ticks() {
        let start = Instant::now();
        let mut schedule = started(start);
        assert!(schedule.take(start + Duration::from_millis(30)));
        assert!(schedule.take(start + PERIOD + Duration::from_millis(70)));
        assert_eq!(schedule.due(), Some(start + 2 * PERIOD));
    }

    #[test]
    fn missed_ticks_are_left_out() {
        let start = Instant::now();
        let mut schedule = started(start);
        assert!(schedule.take(start + 12 * PERIOD / 5));
        assert!(!schedule.take(start + 12 * PERIOD / 5));
        assert_eq!(schedule.due(), Some(start + 3 * PERIOD));
    }

    #[test]
    fn a_new_scope_alone_does_not_tick() {
        let start = Instant::now();
        let mut schedule = started(start);
        assert!(schedule.take(start));
        schedule.configure(Some(PERIOD), false, start);
        assert!(!schedule.take(start));
        schedule.configure(Some(PERIOD), true, start);
        assert!(schedule.take(start));
    }

    #[test]
    fn without_a_running_probe_nothing_is_due() {
        let start = Instant::now();
        let mut schedule = started(start);
        schedule.configure(None, true, start);
        assert_eq!(schedule.due(), None);
        assert!(!schedule.take(start + PERIOD));
    }
}
