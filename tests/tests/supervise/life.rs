//! Starting, ending, dying, trying again.

use std::time::Duration;

use gala_gopher::supervise::{Policy, StateName};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Bench, config, hasty};

const HOUR: Duration = Duration::from_hours(1);

/// Died once, and no second try within the test.
fn once() -> Policy {
    Policy { backoff_min: HOUR, backoff_max: HOUR, ..hasty() }
}

async fn reason(flags: &[&str], state: StateName) -> String {
    let bench = Bench::with(once());
    bench.start("demo", flags);
    let status = bench.state("demo", state).await;
    bench.end().await;
    status.last_exit.expect("an end").reason
}

#[tokio::test]
async fn first_row_makes_a_probe_running() {
    let bench = Bench::new();
    bench.start("demo", &["--rows", "3"]);
    let status = bench.state("demo", StateName::Running).await;
    assert_eq!((status.restarts, status.last_exit), (0, None));
    bench.seen("demo", |seen| seen.rows == 3).await;
    bench.end().await;
}

#[tokio::test]
async fn ready_makes_a_probe_running() {
    let bench = Bench::new();
    bench.start("demo", &["--ready-only"]);
    bench.state("demo", StateName::Running).await;
    assert_eq!(bench.counts.of("demo").rows, 0);
    bench.end().await;
}

#[tokio::test]
async fn silent_probe_stays_starting() {
    let bench = Bench::new();
    bench.start("demo", &["--stderr", "here I am"]);
    let status = bench.until("demo", |status| !status.stderr.is_empty()).await;
    assert_eq!(status.state, StateName::Starting);
    bench.end().await;
}

#[tokio::test]
async fn exit_code_0_is_done() {
    assert_eq!(reason(&["--rows", "1", "--exit", "0"], StateName::Done).await, "exit code 0");
}

#[tokio::test]
async fn exit_code_78_is_unsupported_for_the_reason_on_stderr() {
    let flags = ["--stderr", "this kernel has no BTF", "--exit", "78"];
    assert_eq!(reason(&flags, StateName::Unsupported).await, "this kernel has no BTF");
}

#[tokio::test]
async fn other_exit_codes_are_deaths() {
    assert_eq!(reason(&["--exit", "3"], StateName::Backoff).await, "exit code 3");
}

#[tokio::test]
async fn signal_is_a_death_that_names_it() {
    let flags = ["--crash-after", "0"];
    assert_eq!(reason(&flags, StateName::Backoff).await, "killed by signal 9 (SIGKILL)");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let bench = Bench::with(once());
    let folder = bench.folder("demo", "stdin", &[]);
    std::fs::remove_file(folder.path.join("run.sh")).expect("a broken folder");
    bench.set(folder, Some(config(1)));
    let status = bench.state("demo", StateName::Backoff).await;
    let reason = status.last_exit.expect("an end").reason;
    assert!(reason.starts_with("cannot start"), "{reason}");
    bench.end().await;
}

#[tokio::test]
async fn death_is_followed_by_another_process() {
    let bench = Bench::with(hasty());
    bench.start("demo", &["--period", "5"]);
    let first = bench.state("demo", StateName::Running).await.pid.expect("a process");
    kill(Pid::from_raw(i32::try_from(first).expect("a pid")), Signal::SIGKILL).expect("a kill");
    let status = bench.until("demo", |status| status.restarts == 1 && status.pid.is_some()).await;
    assert_ne!(status.pid, Some(first));
    bench.state("demo", StateName::Running).await;
    bench.end().await;
}

#[tokio::test]
async fn death_after_a_quiet_time_is_answered_at_once() {
    let bench = Bench::with(Policy { quiet: Duration::from_millis(20), ..once() });
    bench.start("demo", &["--rows", "1", "--crash-after", "200"]);
    bench.until("demo", |status| status.restarts >= 2).await;
    bench.end().await;
}

#[tokio::test]
async fn loop_of_deaths_ends_failing_and_a_call_tries_again() {
    let bench = Bench::with(hasty());
    bench.start_neighbour().await;
    bench.start("demo", &["--exit", "1"]);
    let status = bench.state("demo", StateName::Failing).await;
    assert_eq!(status.restarts, 5);
    assert!(status.next_retry.is_some());
    assert!(bench.supervisor.restart("demo"));
    bench.until("demo", |status| status.restarts > 5).await;
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn changed_package_tries_an_unsupported_probe_again() {
    let bench = Bench::new();
    bench.start("demo", &["--exit", "78"]);
    bench.state("demo", StateName::Unsupported).await;
    let mut folder = bench.folder("demo", "stdin", &["--rows", "1"]);
    folder.revision = 1;
    bench.set(folder, Some(config(1)));
    bench.state("demo", StateName::Running).await;
    bench.end().await;
}

#[tokio::test]
async fn equal_wish_leaves_the_process_alone() {
    let bench = Bench::new();
    bench.start("demo", &["--period", "5"]);
    let pid = bench.state("demo", StateName::Running).await.pid;
    bench.start("demo", &["--period", "5"]);
    let before = bench.counts.of("demo").rows;
    bench.seen("demo", |seen| seen.rows > before + 20).await;
    assert_eq!(bench.status("demo").and_then(|status| status.pid), pid);
    bench.end().await;
}

#[tokio::test]
async fn restart_of_what_is_not_there_says_so() {
    let bench = Bench::new();
    assert!(!bench.supervisor.restart("nobody"));
    bench.set(bench.folder("demo", "stdin", &[]), None);
    assert!(!bench.supervisor.restart("demo"));
    bench.end().await;
}
