//! Probe folders that come, go and change under a running agent.

use std::fs;

use gopher_tests::agent::{Agent, Home};

const ROW: &str = "gala_gopher_late_v{id=\"0\"";

fn has(samples: &std::collections::BTreeMap<String, String>) -> bool {
    samples.keys().any(|series| series.starts_with(ROW))
}

#[test]
fn a_new_folder_appears_and_a_removed_one_goes_without_a_restart() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    agent.home.fake("late", &["--rows", "1"]);
    agent.until("the new folder's row", has);
    fs::remove_dir_all(agent.home.path().join("extend/late")).unwrap();
    agent.until("its end", |samples| !has(samples));
    let state = "gala_gopher_agent_probe_state{probe=\"late\"";
    let now = agent.until("the end of its state", |now| now.keys().all(|series| !series.starts_with(state)));
    let kept = "gala_gopher_agent_lines_total{probe=\"late\"}";
    assert_eq!(now.get(kept).map(String::as_str), Some("1"), "what it wrote stays accounted for");
}

#[test]
fn an_extend_folder_that_did_not_exist_is_found() {
    let home = Home::new();
    fs::remove_dir(home.path().join("extend")).unwrap();
    let agent = Agent::start(home);
    agent.home.fake("late", &["--rows", "1"]);
    agent.until("the new folder's row", has);
}

#[test]
fn a_broken_folder_is_one_clear_line_and_works_once_it_is_repaired() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    agent.home.extend("late", "protocol = 1\nname = \"late\"\nexecutable = [\"fake_probe\"]\n");
    let manifest = agent.home.path().join("extend/late/probe.toml");
    agent.says(&format!("{}:3:", manifest.display()));
    assert!(!has(&agent.scrape()));
    agent.home.fake("late", &["--rows", "1"]);
    agent.until("the repaired folder's row", has);
    let said = agent.said(&manifest.display().to_string());
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("executable"), "{said:?}");
}
