//! What is set at run time: over restarts, against edits of the file, from two sides at once.

use std::fs;

use gopher_tests::agent::{Agent, Home};
use serde_json::{Value, json};

fn put(agent: &Agent, body: &str) {
    let (code, reply) = agent.control("PUT", "/baseinfo", body);
    assert_eq!(code, 200, "{reply}");
}

fn period(agent: &Agent) -> Value {
    agent.control("GET", "/baseinfo", "").1["params"]["report_period"].clone()
}

fn start() -> Agent {
    Agent::start(Home::new().with_built_in("baseinfo"))
}

fn restart(mut agent: Agent) -> Agent {
    agent.stop();
    let home = agent.home.clone();
    drop(agent);
    Agent::start(home)
}

#[test]
fn what_was_set_survives_a_restart_and_what_was_set_for_now_does_not() {
    let agent = start();
    put(&agent, r#"{"params":{"report_period":9},"snoopers":{"proc_name":[{"comm":"^a b$"}]}}"#);
    put(&agent, r#"{"cmd":{"probe":["cpu"]},"persist":false}"#);
    let agent = restart(agent);
    let (_, document) = agent.control("GET", "/baseinfo", "");
    assert_eq!(
        (&document["params"]["report_period"], &document["snoopers"]["proc_name"]),
        (&json!(9), &json!([{"comm": "^a b$"}]))
    );
    assert!(document["cmd"]["probe"].as_array().unwrap().len() > 1, "{document}");
}

#[test]
fn an_edit_of_the_file_wins_for_the_keys_that_it_touches() {
    let agent = start();
    put(&agent, r#"{"params":{"report_period":9},"cmd":{"probe":["cpu"]}}"#);
    agent.home.configure("[probe.baseinfo]\nparams = { report_period = 11 }");
    gopher_tests::agent::until("the edit", || (period(&agent) == json!(11)).then_some(()));
    assert_eq!(agent.control("GET", "/baseinfo", "").1["cmd"]["probe"], json!(["cpu"]));
    agent.says("probe.baseinfo.params.report_period");
    let agent = restart(agent);
    assert_eq!(period(&agent), 11);
}

#[test]
fn an_edit_while_the_agent_is_down_wins_too() {
    let mut agent = start();
    put(&agent, r#"{"params":{"report_period":9},"cmd":{"probe":["cpu"]}}"#);
    agent.stop();
    let home = agent.home.clone();
    drop(agent);
    home.configure("[probe.baseinfo]\nparams = { report_period = 11 }");
    let agent = Agent::start(home);
    assert_eq!(period(&agent), 11);
    assert_eq!(agent.control("GET", "/baseinfo", "").1["cmd"]["probe"], json!(["cpu"]));
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside() {
    let mut agent = start();
    agent.stop();
    let home = agent.home.clone();
    drop(agent);
    let file = home.path().join("state/runtime.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "[probe.baseinfo]\ncolour = 1\n").unwrap();
    let agent = Agent::start(home);
    agent.says("colour");
    assert!(!file.exists() && file.with_extension("toml.bad").exists());
}

#[test]
fn differences_from_the_file_are_shown_with_their_reason() {
    let agent = start();
    let (_, none) = agent.control("GET", "/config", "");
    assert_eq!(none["differences"], json!([]), "{none}");
    put(&agent, r#"{"params":{"report_period":9}}"#);
    put(&agent, r#"{"state":"stopped","persist":false}"#);
    let (_, config) = agent.control("GET", "/config", "");
    let all = config["differences"].as_array().unwrap();
    let of =
        |key: &str| all.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("{key}: {config}"));
    assert_eq!(of("probe.baseinfo.params.report_period")["running"], 9);
    assert_eq!(of("probe.baseinfo.params.report_period")["why"], "set at run time");
    assert_eq!(of("probe.baseinfo.state")["why"], "set at run time until the next start");
    // What is set back to what the file says is no difference.
    let (_, all) = agent.control("GET", "/probes", "");
    let (_, document) = agent.control("GET", "/baseinfo", "");
    assert!(all.to_string().contains("baseinfo") && document["state"] == "stopped");
}

#[test]
fn two_writers_never_mix_within_one_request() {
    let agent = start();
    let pairs = [(10, "cpu"), (20, "mem")];
    let body = |(period, item): (u64, &str)| {
        format!(r#"{{"params":{{"report_period":{period}}},"cmd":{{"probe":["{item}"]}},"persist":false}}"#)
    };
    std::thread::scope(|scope| {
        for pair in pairs {
            let agent = &agent;
            scope.spawn(move || (0..50).for_each(|_| put(agent, &body(pair))));
        }
        for _ in 0..50 {
            let (_, document) = agent.control("GET", "/baseinfo", "");
            let (period, items) = (&document["params"]["report_period"], &document["cmd"]["probe"]);
            let fits = pairs.iter().any(|(p, item)| period == *p && items == &json!([item]));
            assert!(fits || items.as_array().unwrap().len() > 1, "{document}");
        }
    });
}
