//! What becomes of the variables of a container.

use std::net::SocketAddr;

use super::*;
use crate::config::{LogLevel, ProbeConfig, ProbeState};

fn outcome(variables: &[(&str, &str)]) -> Outcome {
    let settle = |_: &str, json: &str, probe: &mut ProbeConfig| {
        probe.state = ProbeState::Running;
        if json == "{}" { Ok(Vec::new()) } else { Err("no JSON".to_owned()) }
    };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    import(&variables, &settle, Config::default())
}

fn config(variables: &[(&str, &str)]) -> Config {
    let outcome = outcome(variables);
    assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
    outcome.config
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

#[test]
fn without_variables_nothing_changes() {
    assert_eq!(config(&[("GOPHER_LOG_LEVEL", " "), ("PATH", "/bin")]), Config::default());
}

#[test]
fn metrics_are_served_where_the_variables_say() {
    let open = config(&[("GOPHER_METRIC_ADDR", "0.0.0.0"), ("GOPHER_METRIC_PORT", "8889")]).prometheus;
    assert_eq!((open.listen, open.plaintext), (address("0.0.0.0:8889"), true));
    let inside = config(&[("GOPHER_METRIC_ADDR", "::1")]).prometheus;
    assert_eq!((inside.listen, inside.plaintext), (address("[::1]:8888"), false));
}

#[test]
fn requests_from_outside_need_tls_and_a_clients_certificate() {
    let open = [("GOPHER_REST_ADDR", "0.0.0.0"), ("GOPHER_REST_PORT", "9990")];
    let refused = outcome(&open).refused;
    assert!(refused[0].to_string().starts_with("GOPHER_REST_ADDR, GOPHER_REST_PORT: "), "{refused:?}");
    let tls = [
        ("GOPHER_REST_AUTH", "yes"),
        ("GOPHER_REST_PRIVATE_KEY", "/k.pem"),
        ("GOPHER_REST_CERT", "/c.pem"),
        ("GOPHER_REST_CAFILE", "/a.pem"),
    ];
    let control = config(&[open.as_slice(), tls.as_slice()].concat()).control;
    assert_eq!((control.listen, control.tls.is_on()), (address("0.0.0.0:9990"), true));
    assert_eq!(outcome(&tls[..2]).refused.len(), 1);
}

#[test]
fn events_go_to_kafka_where_nothing_else_is_said() {
    let kafka = config(&[("GOPHER_KAKFA_SERVER", "192.0.2.1,[2001:db8::1]:9093")]).kafka;
    assert_eq!(
        (kafka.enabled, kafka.brokers),
        (true, ["192.0.2.1:9092", "[2001:db8::1]:9093"].map(String::from).into())
    );
    let logs = [("GOPHER_EVENT_CHANNEL", "logs"), ("GOPHER_META_CHANNEL", "logs")];
    let both = config(&[logs.as_slice(), &[("GOPHER_KAFKA_SERVER", "192.0.2.1")]].concat());
    assert_eq!(
        (both.kafka.enabled, both.logs.enabled, both.logs.events, both.logs.metadata),
        (false, true, true, true)
    );
    let split = config(&[logs[0], ("GOPHER_META_CHANNEL", "kafka")]);
    assert_eq!((split.kafka.enabled, split.logs.events, split.logs.metadata), (true, true, false));
}

#[test]
fn wrong_values_are_refused_by_the_name_of_the_variable() {
    let wrong = [
        ("GOPHER_LOG_LEVEL", "loud"),
        ("GOPHER_METRIC_ADDR", "eth0"),
        ("GOPHER_METRIC_PORT", "0"),
        ("GOPHER_REST_PORT", "70000"),
        ("GOPHER_REST_AUTH", "maybe"),
        ("GOPHER_EVENT_CHANNEL", "file"),
        ("GOPHER_METRIC_LOGS_TOTAL_SIZE", "much"),
        ("GOPHER_PROBES_INIT", "tcp"),
    ];
    for (name, value) in wrong {
        let refused = outcome(&[(name, value)]).refused;
        assert!(refused.len() == 1 && refused[0].to_string().starts_with(name), "{name}: {refused:?}");
    }
}

#[test]
fn the_rest_of_them_holds_too() {
    let both = outcome(&[
        ("GOPHER_LOG_LEVEL", "debug"),
        ("GOPHER_METRIC_LOGS_TOTAL_SIZE", "100"),
        ("GOPHER_PROBES_INIT", "tcp {}\nio x\n"),
        ("GOPHER_COLOUR", "red"),
    ]);
    assert!(both.refused.is_empty(), "{:?}", both.refused);
    assert_eq!(both.config.agent.log_level, LogLevel::Debug);
    assert_eq!(both.config.logs.file_size.0, 20 << 20);
    assert_eq!(both.config.probes["tcp"].state, ProbeState::Running);
    let notes: Vec<_> = both.notes.iter().map(ToString::to_string).collect();
    assert!(notes[0].starts_with("GOPHER_COLOUR: no such variable"), "{notes:?}");
    assert_eq!(notes[1], "GOPHER_PROBES_INIT:2: the line is left out: io: no JSON");
}
