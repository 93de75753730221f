//! What follows from each state and event, row by row.

use std::time::{Duration, Instant};

use super::{Action, Ending, Event, Now, Phase, State, Then, next};
use crate::supervise::policy::Policy;

const GRACE: Duration = Duration::from_secs(3);
const QUIET: Duration = Duration::from_mins(1);

struct Bench {
    start: Instant,
    policy: Policy,
}

impl Bench {
    fn new() -> Self {
        Self { start: Instant::now(), policy: Policy::default() }
    }

    /// The phase and action after `event`, `after` the start of the test.
    fn step(&self, state: &State, event: Event, after: Duration) -> (State, Option<Action>) {
        next(state.clone(), event, &self.policy, self.now(after))
    }

    fn now(&self, after: Duration) -> Now {
        Now { at: self.start + after, dice: 0.5 }
    }

    fn at(&self, phase: Phase) -> State {
        State { phase, ..State::default() }
    }

    fn stopping(&self, then: Then, killed: bool) -> Phase {
        Phase::Stopping { then, killed, until: self.start + GRACE }
    }

    /// Dies `times` times, one second after each start; the state after the last death and its time.
    fn dying(&self, times: usize) -> (State, Duration) {
        let mut at = Duration::ZERO;
        let (mut state, _) = self.step(&State::default(), Event::Start, at);
        for death in 1..=times {
            at += Duration::from_secs(1);
            (state, _) = self.step(&state, Event::Ended(Ending::Death), at);
            if let (Some(due), true) = (state.deadline(), death < times) {
                at = due - self.start;
                (state, _) = self.step(&state, Event::Due, at);
                assert_eq!(state.phase, Phase::Starting);
            }
        }
        (state, at)
    }
}

type Row = (Phase, Event, Duration, Phase, Option<Action>);

const NOW: Duration = Duration::ZERO;
const DONE: Event = Event::Ended(Ending::Done);
const CANNOT: Event = Event::Ended(Ending::Unsupported);
const DEATH: Event = Event::Ended(Ending::Death);
const CLOSED: Then = Then::Died { quiet: false };

fn check(bench: &Bench, rows: &[Row]) {
    for (phase, event, after, expected, action) in rows {
        let (state, found) = bench.step(&bench.at(*phase), *event, *after);
        assert_eq!((state.phase, found), (*expected, *action), "{phase:?} and {event:?}");
    }
}

#[test]
fn living_process_follows_the_table() {
    let bench = Bench::new();
    let running = Phase::Running { since: bench.start };
    let term = |then| bench.stopping(then, false);
    let first = Phase::Backoff { until: bench.start + Duration::from_millis(250) };
    let rows = [
        (Phase::Starting, Event::Started, NOW, running, None),
        (Phase::Starting, Event::Start, NOW, Phase::Starting, None),
        (Phase::Starting, Event::Retry, NOW, Phase::Starting, None),
        (Phase::Starting, DONE, NOW, Phase::Done, None),
        (Phase::Starting, CANNOT, NOW, Phase::Unsupported, None),
        (Phase::Starting, DEATH, NOW, first, None),
        (Phase::Starting, Event::OutputClosed, NOW, term(CLOSED), Some(Action::Terminate)),
        (Phase::Starting, Event::Stop, NOW, term(Then::Stop), Some(Action::Terminate)),
        (running, Event::Started, GRACE, running, None),
        (running, Event::Retry, NOW, running, None),
        (running, Event::Due, NOW, running, None),
        (running, DONE, NOW, Phase::Done, None),
        (running, CANNOT, NOW, Phase::Unsupported, None),
        (running, DEATH, NOW, first, None),
        (running, DEATH, QUIET, Phase::Starting, Some(Action::Spawn)),
        (running, Event::Restart, NOW, term(Then::Restart), Some(Action::Terminate)),
    ];
    check(&bench, &rows);
}

#[test]
fn ending_process_follows_the_table() {
    let bench = Bench::new();
    let term = |then| bench.stopping(then, false);
    let kill = |then| bench.stopping(then, true);
    let until = bench.start + GRACE + bench.policy.kill_deadline;
    let killing = |then| Phase::Stopping { then, killed: true, until };
    let first = Phase::Backoff { until: bench.start + Duration::from_millis(250) };
    let quiet = Then::Died { quiet: true };
    let rows = [
        (term(Then::Stop), Event::Due, NOW, term(Then::Stop), None),
        (term(Then::Stop), Event::Due, GRACE, killing(Then::Stop), Some(Action::Kill)),
        (term(Then::Stop), DONE, NOW, Phase::Stopped, None),
        (term(Then::Stop), DEATH, NOW, Phase::Stopped, None),
        (term(Then::Stop), Event::Start, NOW, term(Then::Restart), None),
        (term(Then::Stop), Event::Started, NOW, term(Then::Stop), None),
        (term(Then::Restart), Event::Stop, NOW, term(Then::Stop), None),
        (term(Then::Restart), DONE, NOW, Phase::Starting, Some(Action::Spawn)),
        (term(CLOSED), DONE, NOW, first, None),
        (term(CLOSED), Event::Retry, NOW, term(CLOSED), None),
        (term(CLOSED), Event::Stop, NOW, term(Then::Stop), None),
        (term(CLOSED), Event::Restart, NOW, term(Then::Restart), None),
        (term(quiet), DEATH, NOW, Phase::Starting, Some(Action::Spawn)),
        (kill(Then::Stop), Event::Due, GRACE, Phase::Stopped, Some(Action::Abandon)),
        (kill(Then::Stop), Event::Due, NOW, kill(Then::Stop), None),
    ];
    check(&bench, &rows);
}

#[test]
fn folder_without_a_process_follows_the_table() {
    let bench = Bench::new();
    let backoff = Phase::Backoff { until: bench.start + GRACE };
    let failing = Phase::Failing { until: bench.start + GRACE };
    let rows = [
        (Phase::Stopped, Event::Start, NOW, Phase::Starting, Some(Action::Spawn)),
        (Phase::Stopped, Event::Retry, NOW, Phase::Stopped, None),
        (Phase::Stopped, Event::Restart, NOW, Phase::Stopped, None),
        (Phase::Stopped, Event::Stop, NOW, Phase::Stopped, None),
        (backoff, Event::Due, NOW, backoff, None),
        (backoff, Event::Due, GRACE, Phase::Starting, Some(Action::Spawn)),
        (backoff, Event::Retry, NOW, Phase::Starting, Some(Action::Spawn)),
        (backoff, Event::Stop, NOW, Phase::Stopped, None),
        (failing, Event::Due, GRACE, Phase::Starting, Some(Action::Spawn)),
        (failing, Event::Restart, NOW, Phase::Starting, Some(Action::Spawn)),
        (failing, Event::Stop, NOW, Phase::Stopped, None),
        (Phase::Done, Event::Start, NOW, Phase::Done, None),
        (Phase::Done, Event::Retry, NOW, Phase::Starting, Some(Action::Spawn)),
        (Phase::Done, Event::Due, NOW, Phase::Done, None),
        (Phase::Unsupported, Event::Due, NOW, Phase::Unsupported, None),
        (Phase::Unsupported, Event::Restart, NOW, Phase::Starting, Some(Action::Spawn)),
        (Phase::Unsupported, Event::Stop, NOW, Phase::Stopped, None),
    ];
    check(&bench, &rows);
}

#[test]
fn back_off_doubles_from_one_death_to_the_next() {
    let bench = Bench::new();
    let waits: Vec<_> = (1..=4)
        .map(|deaths| {
            let (state, at) = bench.dying(deaths);
            (state.deadline().expect("a back-off") - bench.start - at).as_millis()
        })
        .collect();
    assert_eq!(waits, [250, 500, 1000, 2000]);
}

#[test]
fn back_off_never_exceeds_its_bound() {
    let policy = Policy::default();
    assert_eq!(policy.backoff(u32::MAX, 1.0), policy.backoff_max);
}

#[test]
fn dice_spread_the_back_off() {
    let policy = Policy::default();
    assert!(policy.backoff(3, 0.1) < policy.backoff(3, 0.9));
}

#[test]
fn sixth_death_in_five_minutes_makes_failing() {
    let bench = Bench::new();
    let (state, at) = bench.dying(6);
    assert_eq!(state.phase, Phase::Failing { until: bench.start + at + bench.policy.retry });
}

#[test]
fn a_try_while_failing_that_dies_soon_stays_failing() {
    let bench = Bench::new();
    let (state, at) = bench.dying(6);
    let at = at + bench.policy.retry;
    let (state, _) = bench.step(&state, Event::Due, at);
    let (state, _) = bench.step(&state, Event::Started, at);
    let (state, _) = bench.step(&state, Event::Ended(Ending::Death), at + QUIET / 2);
    assert!(matches!(state.phase, Phase::Failing { .. }), "{state:?}");
}

#[test]
fn a_quiet_minute_forgets_the_deaths() {
    let bench = Bench::new();
    let (state, at) = bench.dying(5);
    let (state, _) = bench.step(&state, Event::Due, at + bench.policy.backoff_max);
    let (state, _) = bench.step(&state, Event::Started, at + bench.policy.backoff_max);
    let quiet = at + bench.policy.backoff_max + QUIET;
    let (state, action) = bench.step(&state, Event::Ended(Ending::Death), quiet);
    assert_eq!((state.phase, action), (Phase::Starting, Some(Action::Spawn)));
    let (state, _) = bench.step(&state, Event::Ended(Ending::Death), quiet);
    assert_eq!(state.phase, Phase::Backoff { until: bench.start + quiet + bench.policy.backoff_min });
}

#[test]
fn a_process_that_cannot_be_killed_is_not_joined_by_another_at_once() {
    let bench = Bench::new();
    let state = bench.at(bench.stopping(Then::Restart, true));
    let (state, action) = bench.step(&state, Event::Due, GRACE);
    assert_eq!(action, Some(Action::Abandon));
    assert_eq!(state.phase, Phase::Failing { until: bench.start + GRACE + bench.policy.retry });
}
