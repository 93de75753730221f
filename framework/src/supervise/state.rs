//! The life of a folder's process as a pure function: no clock, no process and no channel in here.
//!
//! ```text
//!               start                row accepted or ready
//!   stopped ------------> starting --------------------------> running
//!      ^                  ^ |  |                                |   |
//!      |  stop (from      | |  +--- exit 0: done                |   |
//!      |  every state     | |  +--- exit 78: unsupported  <-----+   |
//!      |  without a       | |                                       |
//!      |  process)        | |  any other end = a death              |
//!      |              due | v                                       v
//!      |                 backoff <---------------- (quiet so far: starting again at once)
//!      |              due ^ |
//!      |                  | | many deaths in a short time
//!      |                  | v
//!      |                 failing
//!      |
//!      +---- stopping <---- stop, restart, or output closed, of a process that lives:
//!            TERM; after the grace KILL; after the kill deadline the process is given up
//! ```
//!
//! `retry` and `restart` lead from backoff, failing, done and unsupported to starting at once.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::time::Instant;

use super::policy::Policy;

/// Where a folder is in its life, and what it remembers of its deaths.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Where it is.
    pub phase: Phase,
    /// Recent deaths, oldest first; never more than [`Policy::tally`].
    deaths: Vec<Instant>,
    /// Back-offs since the last quiet time.
    doublings: u32,
    /// Too many deaths, and no quiet time since.
    failing: bool,
}

/// Where a folder is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not wanted.
    Stopped,
    /// There is a process, which has not yet shown that it works.
    Starting,
    /// There is a process, and it works.
    Running {
        /// When it first showed that.
        since: Instant,
    },
    /// There is a process, which is to end.
    Stopping {
        /// What follows.
        then: Then,
        /// KILL has been sent; before that, TERM.
        killed: bool,
        /// When patience ends.
        until: Instant,
    },
    /// It died and is started again soon.
    Backoff {
        /// When.
        until: Instant,
    },
    /// It died too often and is tried again now and then.
    Failing {
        /// When next.
        until: Instant,
    },
    /// It ended of its own will, with nothing left to do.
    Done,
    /// It cannot work here.
    Unsupported,
}

/// What follows when a process that was told to end has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Stop,
    /// A new process.
    Restart,
    /// What follows a death: it had closed its output.
    Died {
        /// It had run for the quiet time.
        quiet: bool,
    },
}

/// What happens to a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is wanted.
    Start,
    /// It is not wanted.
    Stop,
    /// Something changed that an idle folder may have waited for; a living process goes on.
    Retry,
    /// A new process is wanted, whatever there is now.
    Restart,
    /// The process wrote a row that was accepted, or said that it is ready.
    Started,
    /// The process closed its output and lives on.
    OutputClosed,
    /// The process and all its descendants are gone, or it could not be started.
    Ended(Ending),
    /// The time of [`State::deadline`] has come.
    Due,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Exit code 0.
    Done,
    /// Exit code 78, or a capability that it needs was refused.
    Unsupported,
    /// Anything else.
    Death,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start a process.
    Spawn,
    /// Close its stdin and send TERM to its group.
    Terminate,
    /// Send KILL to all that it started.
    Kill,
    /// Let go of a process that does not die.
    Abandon,
}

/// What a pure function cannot make itself.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The monotonic clock.
    pub at: Instant,
    /// A random number from 0 to 1.
    pub dice: f64,
}

impl Default for State {
    fn default() -> Self {
        Self { phase: Phase::Stopped, deaths: Vec::new(), doublings: 0, failing: false }
    }
}

impl State {
    /// When [`Event::Due`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Stopping { until, .. } | Phase::Backoff { until } | Phase::Failing { until } => {
                Some(until)
            }
            _ => None,
        }
    }

    /// Whether there is a process.
    #[must_use]
    pub fn has_process(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running { .. } | Phase::Stopping { .. })
    }

    fn to(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// The same phase with all deaths forgotten.
    fn fresh(self) -> Self {
        Self { phase: self.phase, ..Self::default() }
    }
}

/// The next state, and what is to be done to get there.
#[must_use]
pub fn next(state: State, event: Event, policy: &Policy, now: Now) -> (State, Option<Action>) {
    match (state.phase, event) {
        (Phase::Stopped, Event::Start) => spawn(state),
        (Phase::Stopped, _) => (state, None),
        (Phase::Stopping { then, killed, until }, event) => {
            stopping(state, Stopping { then, killed, until }, event, policy, now)
        }
        (Phase::Starting | Phase::Running { .. }, event) => living(state, event, policy, now),
        (_, Event::Stop) => (State::default(), None),
        (_, Event::Retry | Event::Restart) => spawn(state.fresh()),
        (Phase::Backoff { until } | Phase::Failing { until }, Event::Due) if now.at >= until => spawn(state),
        _ => (state, None),
    }
}

fn spawn(state: State) -> (State, Option<Action>) {
    (state.to(Phase::Starting), Some(Action::Spawn))
}

/// There is a process and nobody told it to end.
fn living(state: State, event: Event, policy: &Policy, now: Now) -> (State, Option<Action>) {
    let since = match state.phase {
        Phase::Running { since } => Some(since),
        _ => None,
    };
    match event {
        Event::Started if since.is_none() => (state.to(Phase::Running { since: now.at }), None),
        Event::Ended(Ending::Done) => (state.to(Phase::Done).fresh(), None),
        Event::Ended(Ending::Unsupported) => (state.to(Phase::Unsupported).fresh(), None),
        Event::Ended(Ending::Death) => died(state, quiet(since, policy, now), policy, now),
        Event::Stop => terminate(state, Then::Stop, policy, now),
        Event::Restart => terminate(state, Then::Restart, policy, now),
        Event::OutputClosed => terminate(state, Then::Died { quiet: quiet(since, policy, now) }, policy, now),
        _ => (state, None),
    }
}

fn terminate(state: State, then: Then, policy: &Policy, now: Now) -> (State, Option<Action>) {
    let phase = Phase::Stopping { then, killed: false, until: now.at + policy.grace };
    (state.to(phase), Some(Action::Terminate))
}

struct Stopping {
    then: Then,
    killed: bool,
    until: Instant,
}

/// There is a process that was told to end; orders only change what follows.
fn stopping(
    state: State,
    stopping: Stopping,
    event: Event,
    policy: &Policy,
    now: Now,
) -> (State, Option<Action>) {
    let Stopping { then, killed, until } = stopping;
    let follow = |then| Phase::Stopping { then, killed, until };
    match event {
        Event::Stop => (state.to(follow(Then::Stop)), None),
        Event::Restart => (state.to(follow(Then::Restart)), None),
        Event::Start | Event::Retry if then == Then::Stop => (state.to(follow(Then::Restart)), None),
        Event::Ended(_) => match then {
            Then::Stop => (State::default(), None),
            Then::Restart => spawn(state.fresh()),
            Then::Died { quiet } => died(state, quiet, policy, now),
        },
        Event::Due if now.at >= until && !killed => {
            let until = now.at + policy.kill_deadline;
            (state.to(Phase::Stopping { then, killed: true, until }), Some(Action::Kill))
        }
        Event::Due if now.at >= until => match then {
            Then::Stop => (State::default(), Some(Action::Abandon)),
            // What cannot be killed hangs in the kernel; another process would soon hang beside it.
            Then::Restart | Then::Died { .. } => (failing(state, policy, now), Some(Action::Abandon)),
        },
        _ => (state, None),
    }
}

/// Running long enough for a death to be an exception.
fn quiet(since: Option<Instant>, policy: &Policy, now: Now) -> bool {
    since.is_some_and(|since| now.at.saturating_duration_since(since) >= policy.quiet)
}

fn died(state: State, quiet: bool, policy: &Policy, now: Now) -> (State, Option<Action>) {
    if quiet {
        return spawn(State { deaths: vec![now.at], ..state.fresh() });
    }
    let mut state = state;
    state.deaths.retain(|death| now.at.saturating_duration_since(*death) <= policy.tally_window);
    state.deaths.push(now.at);
    if state.failing || state.deaths.len() >= policy.tally {
        return (failing(state, policy, now), None);
    }
    let until = now.at + policy.backoff(state.doublings, now.dice);
    state.doublings = state.doublings.saturating_add(1);
    (state.to(Phase::Backoff { until }), None)
}

/// The flag stands for the deaths from here on, so that none needs to be kept.
fn failing(state: State, policy: &Policy, now: Now) -> State {
    State {
        phase: Phase::Failing { until: now.at + policy.retry },
        deaths: Vec::new(),
        failing: true,
        ..state
    }
}
