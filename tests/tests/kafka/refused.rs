//! What cannot go well is said once with the way out, and goes on once it is mended.

use gopher_tests::agent::{Agent, Home};
use gopher_tests::kafka::Kafka;

use crate::messages::{counts, section, until_counts};

fn agent(section: &str) -> Agent {
    let home = Home::new();
    home.fake("one", &["--rows", "1000"]);
    home.configure(section);
    Agent::start(home)
}

#[test]
fn an_unknown_host_is_said_once_and_mended_while_the_agent_runs() {
    let broker = Kafka::start();
    let agent = agent(&section("no-such-host.invalid:9092", ""));
    agent.says("Kafka takes no messages");
    let said = agent.said("no-such-host.invalid");
    assert_eq!(said.len(), 1, "{said:#?}");
    for part in ["Failed to resolve", "they are kept", "brokers can be reached", "[export.kafka]"] {
        assert!(said[0].contains(part), "{part}: {}", said[0]);
    }
    let waiting = counts(&agent);
    assert_eq!((waiting.queued, waiting.sent, waiting.dropped), (1001, 0, 0));

    agent.home.configure(&section(&broker.plain(), ""));
    until_counts(&agent, "all rows", |counts| counts.sent >= 1001);
    assert_eq!(counts(&agent).dropped, 0);
}

#[test]
fn batches_that_a_topic_does_not_allow_are_counted_as_failed() {
    let broker = Kafka::start();
    broker.topic("gala_gopher", 1, &["max.message.bytes=500"]);
    let agent = agent(&section(&broker.plain(), "compression = \"none\""));
    let end = until_counts(&agent, "an end of all", |counts| counts.all() == 1001 && counts.queued == 0);
    // The table goes to another topic.
    assert_eq!((end.sent, end.failed, end.dropped), (1, 1000, 0), "{}", agent.log());
    let said = agent.said("Kafka has refused messages for good");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("max.message.bytes"), "{}", said[0]);
}
