//! The times and counts that the life of a probe process follows.

use std::time::Duration;

/// Times and counts of [`super::state::next`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// From TERM to KILL.
    pub grace: Duration,
    /// From KILL to giving a process up that cannot die (it hangs in the kernel).
    pub kill_deadline: Duration,
    /// From the end of stdout to TERM; a process that is just ending closes its output first.
    pub linger: Duration,
    /// A death after running so long is answered at once.
    pub quiet: Duration,
    /// First back-off.
    pub backoff_min: Duration,
    /// Longest back-off.
    pub backoff_max: Duration,
    /// So many deaths within [`Policy::tally_window`] make a folder failing.
    pub tally: usize,
    /// See [`Policy::tally`].
    pub tally_window: Duration,
    /// From one try to the next while failing.
    pub retry: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(3),
            kill_deadline: Duration::from_secs(5),
            linger: Duration::from_millis(500),
            quiet: Duration::from_mins(1),
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_mins(1),
            tally: 6,
            tally_window: Duration::from_mins(5),
            retry: Duration::from_mins(1),
        }
    }
}

impl Policy {
    /// The back-off after `doublings` earlier ones: from four to six fifths of its nominal length, spread by `dice`
    /// (0 to 1), so that probes that died together do not start together; never over the longest.
    #[must_use]
    pub fn backoff(&self, doublings: u32, dice: f64) -> Duration {
        let nominal = self.backoff_min.saturating_mul(2_u32.saturating_pow(doublings)).min(self.backoff_max);
        nominal.mul_f64(0.8 + 0.4 * dice.clamp(0.0, 1.0)).min(self.backoff_max)
    }
}
