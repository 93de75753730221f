//! What the service manager is told by sd_notify(3): that all is up, that it reloads or stops, that its loop turns.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior};

/// All is up; `status` is what `systemctl status` shows.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] ends that.
pub(super) fn reloading() {
    let Ok(now) = NotifyState::monotonic_usec_now() else { return };
    tell(&[NotifyState::Reloading, now]);
}

/// Everything is taken down.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping the probes.")]);
}

/// The watchdog's signs of life. They come from the loop that they stand for: one that hangs sends none.
#[derive(Debug)]
pub(super) struct Heartbeat(Option<Interval>);

impl Heartbeat {
    /// At half the time that the service manager grants; silent where it does not ask.
    pub(super) fn start() -> Self {
        Self::every(sd_notify::watchdog_enabled())
    }

    fn every(granted: Option<Duration>) -> Self {
        Self(granted.filter(|granted| !granted.is_zero()).map(|granted| {
            let mut interval = tokio::time::interval(granted / 2);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        }))
    }

    /// Waits until the next is due and sends it. Never ends where none is asked for.
    pub(super) async fn beat(&mut self) {
        match &mut self.0 {
            Some(interval) => {
                interval.tick().await;
                tell(&[NotifyState::Watchdog]);
            }
            None => std::future::pending().await,
        }
    }
}

fn tell(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "The service manager cannot be told of the agent's state.");
    }
}
