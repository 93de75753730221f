//! The commands that ask a running agent.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use gopher_tests::agent::{Agent, Home, sum, until};
use gopher_tests::tree::binary;
use serde_json::{Value, json};

use crate::tool::{Done, ctl};

/// An agent with baseinfo and a fake probe that writes some rows.
fn agent() -> Agent {
    let home = Home::new().with_built_in("baseinfo");
    home.fake("demo", &["--rows", "3", "--stderr", "hello from demo"]);
    home.configure("[probe.baseinfo]\nparams = { report_period = 6 }\n");
    Agent::start(home)
}

fn socket(agent: &Agent) -> String {
    agent.home.path().join("run/control.sock").display().to_string()
}

/// Asks this agent.
fn ask(agent: &Agent, arguments: &[&str]) -> Done {
    ctl(&[&["--socket", &socket(agent)], arguments].concat())
}

fn ask_json(agent: &Agent, arguments: &[&str]) -> Value {
    ask(agent, &[&["--json"], arguments].concat()).expect(0).json()
}

#[test]
fn probes_are_listed_with_their_states() {
    let agent = agent();
    let done = ask(&agent, &["probe", "list"]).expect(0);
    assert!(done.stdout.lines().next().is_some_and(|line| line.starts_with("PROBE")), "{}", done.stdout);
    for name in ["baseinfo", "demo"] {
        assert!(
            done.stdout.lines().any(|line| line.starts_with(name) && line.contains("running")),
            "{}",
            done.stdout
        );
    }
    let found = ask_json(&agent, &["probe", "list"]);
    let names: Vec<_> =
        found["probes"].as_array().expect("probes").iter().map(|probe| &probe["name"]).collect();
    assert_eq!(names, ["baseinfo", "demo"]);
}

#[test]
fn what_get_shows_set_takes() {
    let agent = agent();
    let shown = ask(&agent, &["probe", "get", "baseinfo"]).expect(0).stdout;
    assert_eq!(shown.lines().count(), 1, "{shown}");
    ask(&agent, &["probe", "set", "baseinfo", shown.trim()]).expect(0).says("success");
    assert_eq!(ask(&agent, &["probe", "get", "baseinfo"]).expect(0).stdout, shown);
}

#[test]
fn a_probe_is_changed_by_json_by_a_file_and_by_stdin() {
    let agent = agent();
    let period =
        |agent: &Agent| ask_json(agent, &["probe", "get", "baseinfo"])["params"]["report_period"].clone();
    ask(&agent, &["probe", "set", "baseinfo", "{\"params\":{\"report_period\":7}}"])
        .expect(0)
        .says("success");
    assert_eq!(period(&agent), json!(7));
    let file = agent.home.path().join("body.json");
    std::fs::write(&file, "{\"params\":{\"report_period\":8}}").expect("a file");
    ask(&agent, &["probe", "set", "baseinfo", &format!("@{}", file.display())]).expect(0);
    assert_eq!(period(&agent), json!(8));
    let mut command = Command::new(binary("gopher-ctl"));
    command.args(["--socket", &socket(&agent), "probe", "set", "baseinfo", "-"]);
    command.stdin(std::fs::File::open(&file).expect("the file"));
    assert!(command.status().expect("gopher-ctl").success());
}

#[test]
fn a_change_that_is_refused_says_why_and_changes_nothing() {
    let agent = agent();
    let before = ask(&agent, &["probe", "get", "baseinfo"]).expect(0).stdout;
    let done = ask(&agent, &["probe", "set", "baseinfo", "{\"params\":{\"report_period\":0}}"]).expect(1);
    done.complains("report_period");
    ask(&agent, &["probe", "set", "baseinfo", "{"]).expect(1).complains("line 1");
    ask(&agent, &["probe", "set", "basinfo", "{}"]).expect(1).complains("baseinfo");
    let refused = ask(&agent, &["--json", "probe", "set", "baseinfo", "{\"state\":\"maybe\"}"]).expect(1);
    assert_eq!(refused.stdout, "");
    let said: Value = serde_json::from_str(&refused.stderr).expect("JSON");
    assert_eq!((&said["exit_code"], &said["errors"][0]["path"]), (&json!(1), &json!("state")), "{said}");
    assert!(said["error"].as_str().is_some_and(|text| text.starts_with("baseinfo: failed: ")), "{said}");
    let missing = agent.home.path().join("missing.json").display().to_string();
    ask(&agent, &["probe", "set", "baseinfo", &format!("@{missing}")]).expect(2).complains(&missing);
    assert_eq!(ask(&agent, &["probe", "get", "baseinfo"]).expect(0).stdout, before);
}

#[test]
fn a_probe_is_stopped_started_and_restarted() {
    let agent = agent();
    let state = |agent: &Agent| {
        let found = ask_json(agent, &["probe", "list"]);
        let probes = found["probes"].as_array().expect("probes");
        let demo = probes.iter().find(|probe| probe["name"] == "demo").expect("demo");
        assert_eq!(demo["last_error"], Value::Null, "to do as asked is no error");
        (demo["state"].as_str().unwrap_or_default().to_owned(), demo["pid"].clone())
    };
    ask(&agent, &["probe", "stop", "demo"]).expect(0).says("demo: stopped");
    assert_eq!(state(&agent).0, "stopped");
    let refused = ask(&agent, &["probe", "restart", "demo"]).expect(1);
    refused.complains("not to run; gopher-ctl probe start demo starts it");
    ask(&agent, &["probe", "start", "demo"]).expect(0).says("demo: running");
    let before = state(&agent);
    assert_eq!(before.0, "running");
    ask(&agent, &["probe", "restart", "demo"]).expect(0).says("demo: running");
    assert_ne!(state(&agent).1, before.1);
    assert_eq!(ask_json(&agent, &["probe", "start", "DEMO"])["state"], "running");
    ask(&agent, &["probe", "start", "dem"]).expect(1).complains("did you mean `demo`?");
}

#[test]
fn a_probe_that_cannot_start_says_why() {
    let home = Home::new();
    home.fake("demo", &["--stderr", "no BTF here", "--exit", "78"]);
    home.configure("[probe.demo]\nstate = \"stopped\"\n");
    let agent = Agent::serve(home);
    let done = ask(&agent, &["probe", "start", "demo"]).expect(1);
    done.complains("unsupported");
    done.complains("gopher-ctl probe logs demo");
    let found = ask(&agent, &["--json", "probe", "restart", "demo"]).expect(1).json();
    assert_eq!(found["state"], "unsupported", "{found}");
}

#[test]
fn the_last_words_of_a_probe_are_shown() {
    let agent = agent();
    until("its words", || {
        ask(&agent, &["probe", "logs", "demo"]).expect(0).stdout.contains("hello from demo").then_some(())
    });
    assert_eq!(ask_json(&agent, &["probe", "logs", "demo"])["lines"], json!(["hello from demo"]));
}

#[test]
fn series_are_filtered_by_their_names() {
    let agent = agent();
    agent.until("a row", |samples| samples.keys().any(|name| name.starts_with("gala_gopher_demo_v{")));
    let done = ask(&agent, &["metric", "gala_gopher_demo_v"]).expect(0);
    assert_eq!(done.stdout.lines().next(), Some("gala_gopher_demo_v"), "{}", done.stdout);
    let found = ask_json(&agent, &["metric", "*_demo_v"]);
    let found = found.as_array().expect("samples");
    assert_eq!(found.len(), 3);
    assert!(
        found
            .iter()
            .all(|sample| sample["name"] == "gala_gopher_demo_v" && sample["labels"]["id"].is_string())
    );
    ask(&agent, &["metric", "no_such_metric"]).expect(0).complains("no metric is named like");
}

#[test]
fn tables_are_listed_and_one_is_explained() {
    let agent = agent();
    ask(&agent, &["table"]).expect(0).says("demo");
    let done = ask(&agent, &["table", "demo"]).expect(0);
    done.says("gala_gopher_demo_v");
    ask(&agent, &["table", "nothing"]).expect(1).complains("there is no table nothing");
    assert_eq!(ask_json(&agent, &["table", "demo"])[0]["name"], "demo");
}

#[test]
fn the_difference_to_the_file_is_what_was_set() {
    let agent = agent();
    ask(&agent, &["config", "diff"]).expect(0).says("what it says holds");
    ask(&agent, &["probe", "set", "baseinfo", "{\"params\":{\"report_period\":9}}"]).expect(0);
    let done = ask(&agent, &["config", "diff"]).expect(0);
    done.says("probe.baseinfo.params.report_period");
    let found = ask_json(&agent, &["config", "diff"]);
    assert_eq!(
        (&found["differences"][0]["file"], &found["differences"][0]["running"]),
        (&json!(6), &json!(9))
    );
}

#[test]
fn the_latest_events_are_shown_and_followed_without_repetitions() {
    let home = Home::new();
    let high = "|event|demo|x|high|||||||WARN|13|too much|";
    let low = "|event|demo|x|low|||||||INFO|9|too little|";
    home.fake("demo", &["--line", &[high, high, low].join("\n")]);
    home.configure("");
    let agent = Agent::start(home);
    let latest = until("both events", || {
        let shown = ask(&agent, &["events"]).expect(0).stdout;
        (shown.lines().count() == 2).then_some(shown)
    });
    assert!(latest.contains("WARN") && latest.contains("demo x low: too little"), "{latest}");
    for (count, shown) in [("0", &[][..]), ("1", &["low"]), ("2", &["high", "low"]), ("9", &["high", "low"])]
    {
        let found = ask(&agent, &["--json", "events", "--count", count]).expect(0).stdout;
        let metric = |line: &str| serde_json::from_str::<Value>(line).expect("an event")["metric"].clone();
        assert_eq!(found.lines().map(metric).collect::<Vec<_>>(), shown);
    }
    let events = |outcome| {
        let labels = [("probe", "demo"), ("outcome", outcome)];
        sum(&agent.scrape(), "gala_gopher_agent_events_total", &labels)
    };
    assert_eq!((events("passed"), events("suppressed")), (2, 1));
    let mut command = Command::new(binary("gopher-ctl"));
    command.args(["--socket", &socket(&agent), "--json", "events", "--follow", "--count", "1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("gopher-ctl");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("a line").expect("a line")).expect("an event")
    };
    assert_eq!(next()["metric"], json!("low"));
    // From now on nothing is left out: the restarted probe raises them all again.
    agent.home.configure("[events]\ndedup = \"0s\"\n");
    until("the change", || agent.log().contains("events.dedup").then_some(()));
    ask(&agent, &["probe", "restart", "demo"]).expect(0);
    let event = next();
    assert_eq!(
        (&event["entity"], &event["body"], &event["severity"]),
        (&json!("demo"), &json!("too much"), &json!("WARN"))
    );
    assert_eq!(next()["metric"], json!("high"), "all those to come are shown");
    child.kill().and_then(|()| child.wait()).expect("its end");
}

#[test]
fn top_shows_everything_once_where_there_is_no_terminal() {
    let agent = agent();
    let done = ask(&agent, &["top", "--once", "--every", "200ms"]).expect(0);
    for word in ["PROBE", "baseinfo", "demo", "running", "ROWS/s"] {
        done.says(word);
    }
    let found = ask_json(&agent, &["top", "--every", "200ms"]);
    assert!(
        found["probes"].as_array().expect("probes").iter().all(|probe| probe["rows_per_second"].is_number()),
        "{found}"
    );
    ask(&agent, &["top"]).expect(0).says("baseinfo");
}

#[test]
fn an_agent_that_is_not_there_is_told_apart() {
    let home = Home::new();
    let socket = home.path().join("run/control.sock").display().to_string();
    for arguments in [&["probe", "list"][..], &["metric"], &["table"], &["config", "diff"], &["top"]] {
        let done = ctl(&[&["--socket", &socket], arguments].concat()).expect(3);
        done.complains(&socket);
        done.complains("--socket");
    }
    let done = ctl(&["--json", "--socket", &socket, "probe", "get", "baseinfo"]).expect(3);
    let said: Value = serde_json::from_str(&done.stderr).expect("JSON");
    assert_eq!(said["exit_code"], json!(3));
}
