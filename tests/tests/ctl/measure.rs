//! `doctor --measure`: what the programs of running probes cost, against what bpftool reads of them.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gopher_tests::agent::{Agent, Home};
use serde_json::Value;

use crate::tool::{Done, ctl};

fn doctor(agent: &Agent, more: &[&str]) -> Done {
    let config = agent.home.config().display().to_string();
    let socket = agent.home.path().join("run/control.sock").display().to_string();
    ctl(&[&["--socket", &socket, "doctor", "--config", &config], more].concat())
}

/// Runs of all programs, by number.
fn runs() -> BTreeMap<u64, u64> {
    let shown = Command::new("bpftool").args(["--json", "prog", "show"]).output().unwrap();
    let programs: Vec<Value> = serde_json::from_slice(&shown.stdout).unwrap();
    let runs = |program: &Value| (program["id"].as_u64().unwrap(), program["run_cnt"].as_u64().unwrap_or(0));
    programs.iter().map(runs).collect()
}

/// Makes connections, until told to stop.
fn connect(stop: &AtomicBool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    while !stop.load(Ordering::Relaxed) {
        let _client = TcpStream::connect(address).unwrap();
        listener.accept().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn runs_are_those_that_bpftool_reads_and_only_while_asked_for() {
    let home = Home::new().with_built_in("net");
    home.configure("[probe.tcp]\nstate = \"running\"\nscope = { all = true }\n");
    let agent = Agent::serve(home);
    agent.until("the programs", |samples| {
        samples.keys().any(|key| key.contains("probe_capability{") && key.contains("connections"))
    });
    let stop = Arc::new(AtomicBool::new(false));
    let connecting = thread::spawn({
        let stop = Arc::clone(&stop);
        move || connect(&stop)
    });
    let before = runs();
    let measured = doctor(&agent, &["--json", "--measure=2s", "tcp"]).expect(0).json();
    let after = runs();
    let programs = measured["folders"][0]["programs"].as_array().unwrap();
    let state = programs.iter().find(|program| program["name"] == "state").unwrap();
    let (id, count) = (state["id"].as_u64().unwrap(), state["runs"].as_u64().unwrap());
    let counted = after[&id] - before[&id];
    // The statistics are on a little longer than they are looked at.
    assert!(count <= counted && count >= counted / 2 && count > 0, "{count} runs, {counted} by bpftool");
    assert!(state["nanoseconds"].as_u64().unwrap() > 0);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(runs()[&id], after[&id], "nobody asked");
    stop.store(true, Ordering::Relaxed);
    connecting.join().unwrap();
    let text = doctor(&agent, &["--measure=100ms", "tcp"]).expect(0).stdout;
    assert!(text.contains("NS/RUN"), "{text}");
}

#[test]
fn without_a_running_probe_there_is_nothing_to_measure() {
    let home = Home::new().with_built_in("procwatch");
    home.configure("");
    let agent = Agent::serve(home);
    doctor(&agent, &["--measure=100ms", "procwatch"]).expect(1).complains("probe start");
}
