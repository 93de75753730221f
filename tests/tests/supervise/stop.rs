//! Stopping: all of a probe goes, whatever it does about it.

use std::path::PathBuf;
use std::time::Duration;

use gala_gopher::supervise::StateName;

use crate::bench::{Bench, config, gone, hasty};

/// Starts a probe that writes down the pids of itself and its child, and waits for both.
async fn start_family(bench: &Bench, child: &str, flags: &[&str]) -> Vec<u32> {
    let file = pid_file(bench);
    let file = file.to_str().expect("a path");
    bench.start("demo", &[&["--ready-only", "--pid-file", file, child], flags].concat());
    loop {
        let text = std::fs::read_to_string(file).expect("the file of pids");
        let pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if pids.len() >= 2 && text.ends_with('\n') {
            return pids;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A file that every user may write to.
fn pid_file(bench: &Bench) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let file = bench.home.path().join("pids");
    std::fs::write(&file, "").expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("its mode");
    file
}

#[tokio::test]
async fn absent_configuration_stops_a_probe() {
    let bench = Bench::new();
    bench.start("demo", &["--period", "5"]);
    let pid = bench.state("demo", StateName::Running).await.pid.expect("a process");
    bench.set(bench.folder("demo", "stdin", &["--period", "5"]), None);
    let status = bench.state("demo", StateName::Stopped).await;
    assert_eq!(status.pid, None);
    gone(&[pid]).await;
    bench.end().await;
}

#[tokio::test]
async fn probe_that_ignores_term_is_killed_after_the_grace() {
    let bench = Bench::with(hasty());
    bench.start_neighbour().await;
    bench.start("demo", &["--ignore-term", "--ready-only", "--hang"]);
    bench.state("demo", StateName::Running).await;
    bench.set(bench.folder("demo", "stdin", &[]), None);
    let status = bench.state("demo", StateName::Stopped).await;
    let reason = status.last_exit.expect("an end").reason;
    assert_eq!(reason, "did not end when told to (killed by signal 9 (SIGKILL))");
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn grandchildren_go_with_a_stopped_probe() {
    let bench = Bench::with(hasty());
    let pids = start_family(&bench, "--fork-grandchild", &[]).await;
    bench.supervisor.remove("demo").await;
    gone(&pids).await;
    bench.end().await;
}

#[tokio::test]
async fn grandchildren_in_a_session_of_their_own_go_with_a_stopped_probe() {
    let bench = Bench::with(hasty());
    let pids = start_family(&bench, "--setsid-grandchild", &[]).await;
    bench.supervisor.remove("demo").await;
    gone(&pids).await;
    bench.end().await;
}

#[tokio::test]
async fn grandchildren_go_with_a_probe_that_died() {
    let bench = Bench::new();
    let pids = start_family(&bench, "--setsid-grandchild", &["--crash-after", "100"]).await;
    bench.until("demo", |status| status.last_exit.is_some()).await;
    gone(&pids[..2]).await;
    bench.end().await;
}

#[tokio::test]
async fn folder_that_comes_back_while_it_goes_runs_again() {
    let bench = Bench::with(hasty());
    bench.start("demo", &["--ignore-term", "--ready-only", "--hang"]);
    let first = bench.state("demo", StateName::Running).await.pid;
    let folder = bench.folder("demo", "stdin", &["--ignore-term", "--ready-only", "--hang"]);
    bench.set(folder.clone(), None);
    bench.state("demo", StateName::Stopping).await;
    bench.set(folder, Some(config(1)));
    let status =
        bench.until("demo", |status| status.state == StateName::Running && status.pid != first).await;
    assert_eq!(status.restarts, 1);
    bench.end().await;
}

#[tokio::test]
async fn shutdown_stops_all_at_the_same_time_and_starts_nothing_any_more() {
    let bench = Bench::with(hasty());
    let names: Vec<_> = (0..8).map(|number| format!("demo{number}")).collect();
    for name in &names {
        bench.start(name, &["--ignore-term", "--ready-only", "--hang"]);
    }
    let mut pids = Vec::new();
    for name in &names {
        pids.extend(bench.state(name, StateName::Running).await.pid);
    }
    let left_over = bench.supervisor.shutdown(Duration::from_secs(60)).await;
    assert_eq!((left_over.len(), pids.len()), (0, 8));
    gone(&pids).await;
    bench.start("late", &["--ready-only"]);
    assert!(bench.supervisor.statuses().is_empty());
    bench.end().await;
}
