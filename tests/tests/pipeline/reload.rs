//! Changes of the configuration under a running agent.

use std::collections::BTreeMap;

use gopher_tests::agent::{Agent, Home};
use nix::sys::signal::Signal;

fn has(samples: &BTreeMap<String, String>, prefix: &str) -> bool {
    samples.keys().any(|series| series.starts_with(prefix))
}

const MEMORY: &str = "gala_gopher_mem_total_kB";
const HOST: &str = "gala_gopher_host_value";
const FAKE: &str = "gala_gopher_fake_v";

fn running() -> Agent {
    let home = Home::new().with_built_in("baseinfo");
    home.fake("fake", &["--rows", "1"]);
    let agent = Agent::start(home);
    agent.until("both probes' rows", |now| has(now, MEMORY) && has(now, HOST) && has(now, FAKE));
    agent
}

#[test]
fn an_item_that_is_switched_off_loses_its_series_and_only_those() {
    let agent = running();
    agent.home.configure("[probe.baseinfo]\nitems = [\"host\", \"cpu\"]");
    agent.until("the end of the memory", |now| !has(now, MEMORY));
    let now = agent.scrape();
    assert!(has(&now, FAKE) && has(&now, HOST), "more went: {now:#?}");
    agent.home.configure("");
    agent.until("the memory again", |now| has(now, MEMORY));
}

#[test]
fn a_probe_that_is_stopped_goes_and_comes_back() {
    let agent = running();
    agent.home.configure("[probe.fake]\nstate = \"stopped\"");
    agent.until("its end", |now| !has(now, FAKE));
    let stopped = "gala_gopher_agent_probe_state{probe=\"fake\",state=\"stopped\"}";
    agent.until("the state", |now| now.get(stopped).is_some_and(|value| value == "1"));
    assert!(has(&agent.scrape(), MEMORY));
    agent.home.configure("");
    agent.until("its row again", |now| has(now, FAKE));
}

#[test]
fn keep_and_drop_select_what_is_shown() {
    let agent = running();
    let listen = format!("listen = \"{}\"", agent.home.address);
    agent
        .home
        .configure_with(&format!("{listen}\nkeep = [\"gala_gopher_mem_*\"]\ndrop = [\"*_free_kB\"]"), "");
    // Each scrape is answered: the listener stays.
    agent.until("the selection", |now| {
        has(now, MEMORY) && !has(now, "gala_gopher_mem_free_kB") && !has(now, FAKE)
    });
}

#[test]
fn a_bad_edit_keeps_what_was_and_says_so() {
    let agent = running();
    agent.home.configure("[probe.fake]\nstate = \"stooped\"\n[store]\nseries_total = 0");
    agent.says("The configuration was not changed");
    let said = agent.log();
    for word in ["probe.fake.state", "store.series_total"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let rejected = "gala_gopher_agent_reloads_total{outcome=\"rejected\"}";
    assert_eq!(agent.scrape().get(rejected).map(String::as_str), Some("1"));
    assert!(has(&agent.scrape(), FAKE));
    agent.home.configure("[probe.fake]\nstate = \"stopped\"");
    agent.until("the good edit", |now| !has(now, FAKE));
}

#[test]
fn the_hang_up_signal_reads_the_file_again() {
    let agent = running();
    let accepted = "gala_gopher_agent_reloads_total{outcome=\"accepted\"}";
    agent.signal(Signal::SIGHUP);
    agent.until("the reload", |now| now.get(accepted).is_some_and(|value| value == "1"));
    assert!(has(&agent.scrape(), FAKE));
}
