//! What keeps the agent from starting, and what it says then.

use std::net::TcpListener;

use gopher_tests::agent::{Agent, Home};

const BAD: &str = "\
[agent]
run_dri = \"/run/x\"
log_level = \"loud\"
[store]
series_total = 0
record_timeout = true
[nonsense]
a = 1
";

fn assert_every_problem(home: &Home, said: &str) {
    let file = home.config();
    for (line, word) in
        [(2, "run_dri"), (3, "log_level"), (5, "series_total"), (6, "record_timeout"), (7, "nonsense")]
    {
        let place = format!("{}:{line}: ", file.display());
        assert!(
            said.lines().any(|said| said.contains(&place) && said.contains(word)),
            "{place}{word}: {said}"
        );
    }
}

#[test]
fn every_problem_is_named_and_the_exit_code_is_78() {
    let home = Home::new();
    home.write(BAD);
    for arguments in [&[] as &[&str], &["--check"]] {
        let (code, said) = home.refused(arguments);
        assert_eq!(code, Some(78), "{said}");
        assert_every_problem(&home, &said);
    }
}

#[test]
fn a_missing_file_is_named() {
    let home = Home::new();
    let (code, said) = home.refused(&[]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains(&home.config().display().to_string()), "{said}");
}

#[test]
fn check_finds_what_only_the_manifests_know() {
    let home = Home::new().with_built_in("baseinfo");
    home.configure("[probe.baseinfo]\nitems = [\"cpu\", \"tea\"]\nparams = { report_period = 1 }");
    let (code, said) = home.refused(&["--check"]);
    assert_eq!(code, Some(78), "{said}");
    for word in ["tea", "report_period"] {
        assert!(
            said.lines().any(|line| line.contains("gala-gopher.conf:") && line.contains(word)),
            "{word}: {said}"
        );
    }
}

#[test]
fn check_finds_a_broken_folder() {
    let home = Home::new();
    home.extend("broken", "protocol = 1\nname = \"other\"\nexec = [\"fake_probe\"]\n[[probe]]\nname = \"broken\"\nsummary = \"S.\"\n");
    home.configure("");
    let (code, said) = home.refused(&["--check"]);
    assert_eq!(code, Some(78), "{said}");
    let place = format!("{}:2: ", home.path().join("extend/broken/probe.toml").display());
    assert!(said.contains(&place), "{said}");
}

#[test]
fn check_of_what_is_good_says_so() {
    let home = Home::new().with_built_in("baseinfo");
    home.configure("");
    let (code, said) = home.refused(&["--check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("good"), "{said}");
}

#[test]
fn a_second_agent_on_the_run_directory_is_told_of_the_first() {
    let agent = Agent::start(Home::new());
    let (code, said) = agent.home.refused(&[]);
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains(&format!("process {}", agent.pid())), "{said}");
    assert_eq!(agent.get("/healthz", &[]).status, 200);
}

#[test]
fn a_port_in_use_is_named() {
    let home = Home::new();
    let _taken = TcpListener::bind(home.address).unwrap();
    home.configure("");
    let (code, said) = home.refused(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&home.address.to_string()), "{said}");
}
