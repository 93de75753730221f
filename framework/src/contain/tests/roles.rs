//! Processes that tests need are this very test binary, told by its environment which part to play.

use std::process::Command;

/// Names the part.
const ROLE: &str = "GOPHER_TEST_ROLE";

/// A command that plays a part.
pub(in crate::contain) fn command(role: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    let test = format!("contain::tests::roles::{role}");
    command.args(["--exact", &test, "--nocapture", "--quiet", "--test-threads=1"]);
    command.env_clear().env(ROLE, role);
    command
}

/// True when this process is to play that part.
pub(super) fn plays(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|played| played == role)
}

#[test]
fn keeper() {
    if plays("keeper") {
        assert_eq!(crate::contain::keeper_main(), std::process::ExitCode::SUCCESS);
    }
}
