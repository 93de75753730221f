//! The page is good: the host's facts are on it, and Prometheus's own checker finds nothing but inherited names.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use gopher_tests::agent::{Agent, Home, names};

/// Names that the original gave, against today's rules.
const INHERITED: &str = include_str!("inherited-names.txt");

fn with_processes() -> Agent {
    let home = Home::new().with_built_in("baseinfo");
    home.configure(
        "[probe.baseinfo]\nparams = { report_period = 5 }\nscope = { proc_name = [{ comm = \"^gala-gopher$\" }] }",
    );
    Agent::start(home)
}

#[test]
fn facts_of_the_host_appear() {
    let agent = Agent::start(Home::new().with_built_in("baseinfo"));
    let wanted = ["cpu_", "mem_", "nic_", "net_tcp_", "disk_", "fs_", "host_"];
    let samples = agent.until("every item", |samples| {
        let names = names(samples);
        wanted.iter().all(|item| names.iter().any(|name| name.starts_with(&format!("gala_gopher_{item}"))))
    });
    let labelled = |series: &&String| series.contains("machine_id=\"") && series.contains("hostname=\"");
    let strangers: Vec<_> = samples
        .keys()
        .filter(|series| !series.starts_with("gala_gopher_agent_") && !labelled(series))
        .collect();
    assert!(strangers.is_empty(), "no host on {strangers:?}");
}

#[test]
fn promtool_finds_nothing_but_inherited_names() {
    let agent = with_processes();
    let rates = ["gala_gopher_proc_", "gala_gopher_disk_rspeed_kB", "gala_gopher_nic_rxspeed_KB"];
    agent.until("second rows", |samples| {
        let names = names(samples);
        rates.iter().all(|rate| names.iter().any(|name| name.starts_with(rate)))
    });
    let page = agent.get("/metrics", &[]).text;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of the Debian package prometheus");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // 3 is lint; 1 is an error of the text.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}: {said}", output.status);
    let inherited: BTreeSet<_> = INHERITED.lines().filter(|line| !line.starts_with('#')).collect();
    let linted: BTreeSet<_> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    let new: Vec<_> = said
        .lines()
        .filter(|line| !line.split(' ').next().is_some_and(|name| inherited.contains(name)))
        .collect();
    assert!(new.is_empty(), "new lint: {new:#?}");
    let samples = gopher_tests::http::samples(&page).unwrap();
    let better: Vec<_> = names(&samples)
        .into_iter()
        .filter(|name| inherited.contains(name) && !linted.contains(name))
        .collect();
    assert!(better.is_empty(), "no longer linted, take them off the list: {better:?}");
}
