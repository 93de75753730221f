//! The document of all requests against the agent, by schemathesis.

use std::process::Command;

use gopher_tests::agent::{Agent, Home};
use gopher_tests::tree::source_root;

#[test]
fn schemathesis_finds_the_document_true() {
    let path = Command::new(source_root().join("build/schemathesis")).arg("--path").output().unwrap();
    assert!(path.status.success(), "schemathesis is missing; build/setup installs it");
    let home = Home::new().with_built_in("baseinfo");
    home.fake("fake", &["--rows", "1", "--echo-config"]);
    let agent = Agent::start(home);
    let examples = if std::env::var_os("GOPHER_TEST_LONG").is_some() { "300" } else { "25" };
    let mut command = Command::new(String::from_utf8(path.stdout).unwrap().trim());
    command
        .current_dir(agent.home.path())
        .arg("run")
        .arg(format!("http://{}/openapi.json", agent.home.control));
    command.args(["--max-examples", examples, "--seed", "1", "--request-timeout", "20"]);
    // What a probe takes of what the form allows, its manifest says: items, parameters and their ranges.
    command.args(["--exclude-checks", "positive_data_acceptance", "--phases", "examples,coverage,fuzzing"]);
    // The answer to a request that follows events has no end.
    command.args(["--exclude-path", "/events", "--suppress-health-check", "all"]);
    let run = command.output().unwrap();
    assert!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    assert_eq!(agent.control("GET", "/version", "").0, 200);
}
