//! A collector that does not trust the agent, or is no such receiver; each is mended while the agent runs.

use gopher_tests::agent::{Agent, until};

use super::collector::{Certificates, Collector, Way};
use super::series::{counts, filled, home};

fn trusted_later(way: Way, without: &str, with: &str, told: &str, collector: &Collector) {
    let home = home();
    home.configure(&collector.configuration(way, without));
    let agent = Agent::start(home);
    filled(&agent);
    agent.says(told);
    until("a queue", || (counts(&agent)[3] > 0).then_some(()));
    assert_eq!(counts(&agent)[..3], [0, 0, 0], "{}", agent.log());
    agent.home.configure(&collector.configuration(way, with));
    until("points at the collector", || (!collector.points().is_empty()).then_some(()));
}

#[test]
fn an_authority_that_is_not_trusted_stops_both_ways() {
    let (tls, other) = (Certificates::new(), Certificates::new());
    for way in [Way::Grpc, Way::Http] {
        let collector = Collector::up(Some(&tls));
        trusted_later(way, &other.keys(), &tls.keys(), "invalid peer certificate", &collector);
    }
}

#[test]
fn a_collector_that_wants_a_certificate_gets_one_over_grpc() {
    let tls = Certificates::new();
    let collector = Collector::up(Some(&tls));
    trusted_later(Way::Grpc, &tls.trust(), &tls.keys(), "does not take metrics now", &collector);
}

#[test]
fn a_collector_that_wants_a_certificate_gets_one_over_http() {
    let tls = Certificates::new();
    let collector = Collector::up(Some(&tls));
    trusted_later(Way::Http, &tls.trust(), &tls.keys(), "does not take metrics now", &collector);
}

#[test]
fn points_for_a_wrong_path_are_refused_and_counted() {
    let collector = Collector::up(None);
    let home = home();
    home.configure(&collector.configuration(Way::Http, "").replace("\"\ninterval", "/wrong\"\ninterval"));
    let agent = Agent::start(home);
    filled(&agent);
    until("refusals", || (counts(&agent)[1] > 200).then_some(()));
    let said = agent.said("refuses metrics");
    assert!(said.len() == 1 && said[0].contains("404"), "{said:#?}");
    assert_eq!((counts(&agent)[0], counts(&agent)[2]), (0, 0));
}
