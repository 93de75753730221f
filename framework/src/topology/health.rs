//! How well a flow does, as a colour; how much it is, as a width.

use super::graph::Edge;

/// From good to bad, by round-trip time and loss: whichever is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// Nothing is known.
    Unknown,
    /// Below the first limits.
    Good,
    /// Below the second.
    Fair,
    /// Below the third.
    Slow,
    /// Above, or connections failed.
    Bad,
}

/// Round-trip times in seconds, and shares of lost segments, that part one from the next.
const LIMITS: ([f64; 3], [f64; 3]) = ([0.001, 0.01, 0.1], [0.001, 0.005, 0.02]);

impl Health {
    /// All, with their names, what they mean, and their colours where no style sheet chooses them.
    pub(super) const ALL: [(Self, &'static str, &'static str, &'static str); 5] = [
        (Self::Good, "good", "RTT below 1 ms, lost below 0.1 %", "#1a8f6a"),
        (Self::Fair, "fair", "below 10 ms, 0.5 %", "#2f7fc4"),
        (Self::Slow, "slow", "below 100 ms, 2 %", "#c98a12"),
        (Self::Bad, "bad", "more, or failed connections", "#cf3b3b"),
        (Self::Unknown, "unknown", "not known", "#8592a3"),
    ];

    /// Of an edge.
    pub(super) fn of(edge: &Edge) -> Self {
        let step = |value: f64, limits: [f64; 3]| match limits.iter().position(|limit| value < *limit) {
            Some(0) => Self::Good,
            Some(1) => Self::Fair,
            Some(_) => Self::Slow,
            None => Self::Bad,
        };
        let slow = edge.rtt_seconds.map_or(Self::Unknown, |rtt| step(rtt, LIMITS.0));
        let lossy = edge.loss_ratio.map_or(Self::Unknown, |loss| step(loss, LIMITS.1));
        let failing = edge.failed.filter(|failed| *failed > 0.0).map_or(Self::Unknown, |_| Self::Bad);
        slow.max(lossy).max(failing)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(health, ..)| *health == self).map_or("", |(_, name, ..)| name)
    }

    /// Its colour.
    pub(super) fn colour(self) -> &'static str {
        Self::ALL.iter().find(|(health, ..)| *health == self).map_or("", |(.., colour)| colour)
    }
}

/// Width of a line, 1.5 to 9 pixels: the same more for each factor of ten of its rate.
pub(super) fn width(edge: &Edge) -> f64 {
    width_of(edge.rate().unwrap_or(0.0))
}

/// The same of bytes a second.
pub(super) fn width_of(rate: f64) -> f64 {
    1.5 + ((rate.max(100.0).log10() - 2.0) * 1.25).min(7.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_delay_and_loss_counts_and_a_failure_most() {
        let of = |rtt_seconds, loss_ratio, failed| {
            Health::of(&Edge { rtt_seconds, loss_ratio, failed, ..Edge::default() })
        };
        assert_eq!(of(None, None, None), Health::Unknown);
        assert_eq!(of(Some(0.0002), None, Some(0.0)), Health::Good);
        assert_eq!(of(Some(0.0002), Some(0.01), None), Health::Slow);
        assert_eq!(of(Some(0.02), Some(0.0), None), Health::Slow);
        assert_eq!(of(None, None, Some(1.0)), Health::Bad);
    }

    #[test]
    fn lines_grow_with_rates_up_to_a_bound() {
        assert_eq!([0.0, 100.0, 1e20].map(width_of), [1.5, 1.5, 9.0]);
        assert!(width_of(1e4) < width_of(1e6));
    }
}
