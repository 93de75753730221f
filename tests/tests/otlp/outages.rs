//! A collector that is away for a while loses nothing that the queue holds, and what it does not hold is counted.

use gopher_tests::agent::{Agent, until};

use super::collector::{Collector, Way};
use super::series::{counts, filled, home};

/// Waits until more waits than now, twice.
fn queues(agent: &Agent) {
    for _ in 0..2 {
        let before = counts(agent)[3];
        until("more in the queue", || (counts(agent)[3] > before).then_some(()));
    }
}

/// Waits until the collector has as many points as the agent has sent, none of them lost, and more than `least`.
fn arrived(agent: &Agent, collector: &Collector, least: u64) -> u64 {
    until("every point at the collector", || {
        let [sent, failed, dropped, queued] = counts(agent);
        assert_eq!((failed, dropped), (0, 0), "{}", agent.log());
        let settled = queued == 0 && sent > least;
        (settled && collector.points().len() as u64 == sent).then_some(sent)
    })
}

fn collector_away(way: Way) {
    let mut collector = Collector::down(None);
    let home = home();
    home.configure(&collector.configuration(way, ""));
    let agent = Agent::start(home);
    filled(&agent);
    queues(&agent);
    collector.start();
    let sent = arrived(&agent, &collector, 0);
    collector.stop();
    queues(&agent);
    collector.start();
    arrived(&agent, &collector, sent);
    assert_eq!(agent.said("takes metrics again").len(), 2, "{}", agent.log());
}

#[test]
fn points_made_while_the_collector_is_away_arrive_over_grpc() {
    collector_away(Way::Grpc);
}

#[test]
fn points_made_while_the_collector_is_away_arrive_over_http() {
    collector_away(Way::Http);
}

#[test]
fn what_an_agent_cannot_send_at_its_end_is_told() {
    let collector = Collector::down(None);
    let home = home();
    home.configure(&collector.configuration(Way::Grpc, ""));
    let mut agent = Agent::start(home);
    filled(&agent);
    queues(&agent);
    assert!(agent.stop().success());
    assert_eq!(agent.said("did not take in time").len(), 1, "{}", agent.log());
}

#[test]
fn it_is_switched_on_while_the_agent_runs() {
    let collector = Collector::up(None);
    let agent = Agent::start(home());
    filled(&agent);
    assert!(collector.points().is_empty());
    agent.home.configure(&collector.configuration(Way::Grpc, ""));
    until("points at the collector", || (!collector.points().is_empty()).then_some(()));
}
