//! What holds whatever happens in whatever order.

use std::time::{Duration, Instant};

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::{Action, Ending, Event, Now, Phase, State, next};
use crate::supervise::policy::Policy;

fn events() -> impl Strategy<Value = Vec<(Event, u64, f64)>> {
    let event = prop_oneof![
        Just(Event::Start),
        Just(Event::Stop),
        Just(Event::Retry),
        Just(Event::Restart),
        Just(Event::Started),
        Just(Event::OutputClosed),
        Just(Event::Ended(Ending::Done)),
        Just(Event::Ended(Ending::Unsupported)),
        Just(Event::Ended(Ending::Death)),
        Just(Event::Due),
    ];
    proptest::collection::vec((event, 0..90_000_u64, 0.0..1.0), 0..80)
}

/// The worker as far as the machine can see it: at most one process, events of a process only while there is one.
struct World {
    policy: Policy,
    now: Instant,
    state: State,
    processes: usize,
}

impl World {
    fn new() -> Self {
        Self { policy: Policy::default(), now: Instant::now(), state: State::default(), processes: 0 }
    }

    fn feed(&mut self, event: Event, dice: f64) -> Option<Action> {
        let of_process = matches!(event, Event::Started | Event::OutputClosed | Event::Ended(_));
        if of_process && self.processes == 0 {
            return None;
        }
        if matches!(event, Event::Ended(_)) {
            self.processes -= 1;
        }
        let now = Now { at: self.now, dice };
        let (state, action) = next(self.state.clone(), event, &self.policy, now);
        self.state = state;
        match action {
            Some(Action::Spawn) => self.processes += 1,
            Some(Action::Abandon) => self.processes -= 1,
            _ => {}
        }
        action
    }

    /// Lets `time` pass, with every deadline in it.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.state.deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.feed(Event::Due, 0.5);
        }
        self.now = end;
    }
}

proptest! {
    #[test]
    fn never_two_processes_and_a_bounded_memory(events in events()) {
        let mut world = World::new();
        for (event, millis, dice) in events {
            world.pass(Duration::from_millis(millis));
            world.feed(event, dice);
            prop_assert!(world.processes <= 1);
            prop_assert_eq!(world.processes == 1, world.state.has_process());
            prop_assert!(world.state.deaths.len() <= world.policy.tally);
        }
    }

    #[test]
    fn stop_ends_stopped_within_grace_and_kill_deadline(events in events(), ends in any::<bool>()) {
        let mut world = World::new();
        for (event, millis, dice) in events {
            world.pass(Duration::from_millis(millis));
            world.feed(event, dice);
        }
        world.feed(Event::Stop, 0.5);
        if ends {
            world.feed(Event::Ended(Ending::Death), 0.5);
        } else {
            world.pass(world.policy.grace + world.policy.kill_deadline);
        }
        prop_assert_eq!(world.state.phase, Phase::Stopped);
        prop_assert_eq!(world.processes, 0);
    }

    #[test]
    fn what_waits_says_until_when(events in events()) {
        let mut world = World::new();
        for (event, millis, dice) in events {
            world.pass(Duration::from_millis(millis));
            world.feed(event, dice);
            let waits = matches!(
                world.state.phase,
                Phase::Stopping { .. } | Phase::Backoff { .. } | Phase::Failing { .. }
            );
            let longest = world.policy.retry.max(world.policy.backoff_max);
            prop_assert_eq!(waits, world.state.deadline().is_some());
            prop_assert!(world.state.deadline().is_none_or(|due| due <= world.now + longest));
        }
    }
}
