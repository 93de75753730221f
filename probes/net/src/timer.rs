//! Wakes the probe between two ticks.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// A descriptor that becomes readable at fixed intervals.
pub(crate) struct Timer {
    fd: TimerFd,
    every: Duration,
}

impl Timer {
    pub(crate) fn new() -> nix::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self { fd: TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?, every: Duration::ZERO })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Sets the interval; the same one again leaves the clock as it is.
    pub(crate) fn every(&mut self, every: Duration) -> nix::Result<()> {
        if self.every == every {
            return Ok(());
        }
        self.every = every;
        self.fd.set(Expiration::Interval(TimeSpec::from_duration(every)), TimerSetTimeFlags::empty())
    }

    /// Makes the descriptor wait for the next interval.
    pub(crate) fn taken(&self) {
        match self.fd.wait() {
            Ok(()) | Err(Errno::EAGAIN) => {}
            Err(errno) => probe_sdk::log(format_args!("reading the timer: {errno}")),
        }
    }
}
