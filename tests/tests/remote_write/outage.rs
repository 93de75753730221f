//! The receiver goes away and comes back: what fits into the queue is there, what does not is counted.

use gopher_tests::agent::{Agent, Home, until};

use crate::receiver::{Receiver, queued, rows, section};

/// An agent with one series that pushes every second.
fn agent(receiver: &Receiver, lines: &str) -> Agent {
    let home = Home::new();
    home.fake("one", &["--rows", "1"]);
    home.configure(&section(&receiver.url(), lines));
    Agent::start(home)
}

/// The receiver has one sample for each row that was sent, no more and no less.
fn has_all_that_was_sent(receiver: &Receiver, agent: &Agent) {
    until("a sample for each row", || {
        let stored = receiver.value("count_over_time(gala_gopher_one_v[1h])")?;
        (rows(agent, "sent").to_string() == stored.to_string()).then_some(())
    });
}

#[test]
fn nothing_is_lost_while_the_queue_can_hold_it() {
    let mut receiver = Receiver::start();
    let agent = agent(&receiver, "");
    until("pushes", || (rows(&agent, "sent") >= 2).then_some(()));
    receiver.stop();
    until("a queue", || (queued(&agent) >= 4).then_some(()));
    receiver.resume();
    until("an empty queue", || (queued(&agent) == 0).then_some(()));
    has_all_that_was_sent(&receiver, &agent);
    assert_eq!((rows(&agent, "failed"), rows(&agent, "dropped")), (0, 0), "{}", agent.log());
    // No two neighbours are further apart than pushes that were not lost: one a second, some of them late.
    let spread = "max_over_time(timestamp(gala_gopher_one_v)[1h:1s]) - min_over_time(timestamp(gala_gopher_one_v)[1h:1s])";
    let (spread, count) = (receiver.value(spread), receiver.value("count_over_time(gala_gopher_one_v[1h])"));
    assert!(spread.unwrap() <= count.unwrap() * 2.0, "{count:?} samples over {spread:?} s");
    assert_eq!(agent.said("does not take metrics now").len(), 1, "{}", agent.log());
    agent.says("takes metrics again");
}

#[test]
fn beyond_the_queue_the_oldest_is_dropped_and_counted() {
    let mut receiver = Receiver::stopped();
    let agent = agent(&receiver, "queue = 2");
    until("a loss", || (rows(&agent, "dropped") >= 3).then_some(()));
    assert!(queued(&agent) <= 3);
    receiver.resume();
    until("pushes", || (rows(&agent, "sent") >= 2).then_some(()));
    has_all_that_was_sent(&receiver, &agent);
    assert_eq!(rows(&agent, "failed"), 0);
    assert_eq!(agent.said("its oldest batch was dropped").len(), 1, "{}", agent.log());
}

#[test]
fn an_agent_stops_in_time_without_its_receiver() {
    let receiver = Receiver::stopped();
    let mut agent = agent(&receiver, "");
    until("a queue", || (queued(&agent) >= 1).then_some(()));
    assert_eq!(agent.stop().code(), Some(0));
    agent.says("did not take in time");
    assert!(agent.said("did not end in time").is_empty(), "{}", agent.log());
}
