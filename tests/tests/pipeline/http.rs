//! The endpoint as any client of HTTP sees it.

use std::collections::BTreeMap;

use gopher_tests::agent::{Agent, Home};
use gopher_tests::http::samples;

/// A probe that writes its rows once, so that two scrapes of it are the same.
fn still() -> Agent {
    let home = Home::new();
    home.fake("fake", &["--rows", "100"]);
    let agent = Agent::start(home);
    agent.until("all rows", |now| now.keys().filter(|series| series.contains("fake_v{")).count() == 100);
    agent
}

/// The samples of tables; the agent's own change with every scrape.
fn of_tables(text: &str) -> BTreeMap<String, String> {
    let mut all = samples(text).unwrap();
    all.retain(|series, _| !series.starts_with("gala_gopher_agent_"));
    all
}

#[test]
fn the_root_answers_as_metrics_does() {
    let agent = still();
    let (root, metrics) = (agent.get("/", &[]), agent.get("/metrics", &[]));
    assert_eq!((root.status, metrics.status), (200, 200));
    assert_eq!(of_tables(&root.text), of_tables(&metrics.text));
    assert_eq!(of_tables(&root.text).len(), 100);
}

#[test]
fn head_has_the_headers_without_the_body() {
    let agent = still();
    let head = agent.request("HEAD", "/metrics", &[]);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.headers["content-type"], agent.get("/metrics", &[]).headers["content-type"]);
}

#[test]
fn other_methods_and_paths_are_refused() {
    let agent = still();
    let post = agent.request("POST", "/metrics", &[("Content-Length", "0")]);
    assert_eq!((post.status, post.headers["allow"].as_str()), (405, "GET, HEAD"));
    assert_eq!(agent.get("/nothing", &[]).status, 404);
}

#[test]
fn every_form_gives_the_same_samples() {
    let agent = still();
    let plain = agent.get("/metrics", &[]);
    let gzip = agent.get("/metrics", &[("Accept-Encoding", "gzip")]);
    assert_eq!(gzip.headers["content-encoding"], "gzip");
    let wanted = ("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    let open = agent.get("/metrics", &[wanted]);
    let both = agent.get("/metrics", &[wanted, ("Accept-Encoding", "gzip")]);
    for open in [&open, &both] {
        assert!(open.headers["content-type"].starts_with("application/openmetrics-text"));
        assert!(open.text.ends_with("# EOF\n"));
    }
    let expected = of_tables(&plain.text);
    assert_eq!(expected.len(), 100);
    for other in [&gzip, &open, &both] {
        assert_eq!(of_tables(&other.text), expected);
    }
}

#[test]
fn scrapers_do_not_disturb_each_other() {
    let agent = still();
    let expected = of_tables(&agent.get("/metrics", &[]).text);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(of_tables(&agent.get("/metrics", &[]).text), expected);
                }
            });
        }
    });
}

#[test]
fn health_and_readiness_answer() {
    let agent = still();
    let health = agent.get("/healthz", &[]);
    assert_eq!((health.status, health.text.as_str()), (200, "ok\n"));
    let ready = agent.get("/readyz", &[]);
    assert_eq!((ready.status, ready.text.as_str()), (200, "fake running\n"));
}

#[test]
fn a_probe_that_is_silent_keeps_the_agent_unready() {
    let agent = still();
    agent.home.fake("quiet", &[]);
    gopher_tests::agent::until("the probe's start", || {
        let ready = agent.get("/readyz", &[]);
        (ready.status == 503 && ready.text.contains("quiet starting\n")).then_some(())
    });
}
