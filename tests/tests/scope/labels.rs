//! Labels that an operator adds to the rows of a probe, and takes away again.

use std::process::Command;

use gopher_tests::peer::Peer;

use crate::observer::{NO_RUNTIME, Observer};

#[test]
fn custom_labels_and_those_of_patterns_come_and_go_at_run_time() {
    let _sleeper = Peer::start(Command::new("sleep").arg("1000017")).unwrap();
    let name = "comm = \"^sleep$\", cmdline = \"1000017\"";
    let with = |more: &str| format!("{{ proc_name = [{{ {name}{more} }}]");
    let custom = "custom_labels = { site = \"a\\\"b\\\\c\\nd\", comm = \"mine\", hostname = \"h\" }";
    let observer =
        Observer::start(&format!("{}, {custom} }}", with(", label = { role = \"db\" }")), NO_RUNTIME);
    let labels = ["comm=\"sleep\"", "role=\"db\"", "site=\"a\\\"b\\\\c\\nd\""];
    observer.until_labelled("seen_up", &labels);
    let samples = observer.agent.scrape();
    assert!(!samples.keys().any(|series| series.contains("hostname=\"h\"")), "the machine's name stays");
    let warned = |line: &str| line.contains("is not shown") && line.contains("hostname");
    assert!(observer.agent.log().lines().any(warned), "{}", observer.agent.log());
    observer.observe(&format!("{} }}", with("")), NO_RUNTIME);
    let samples = observer.agent.until("the labels are gone", |samples| {
        samples.keys().any(|series| series.starts_with("gala_gopher_seen_up") && !series.contains("site="))
    });
    let series: Vec<_> = samples.keys().filter(|series| series.starts_with("gala_gopher_seen_up")).collect();
    assert!(
        series.len() == 1 && !series[0].contains("role=") && series[0].contains("comm=\"sleep\""),
        "{series:?}"
    );
}
