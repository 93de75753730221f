//! Probes that misbehave, each beside one that must not notice.

use gala_gopher::contain::Mechanism;
use gala_gopher::supervise::{Policy, StateName};

use crate::bench::{Bench, config, hasty};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_leaves_time_for_others() {
    let bench = Bench::new();
    bench.start_neighbour().await;
    for name in ["flood1", "flood2", "flood3"] {
        bench.start(name, &["--flood"]);
        bench.seen(name, |seen| seen.rows > 100_000).await;
    }
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn hanging_probe_can_be_stopped() {
    let bench = Bench::new();
    bench.start_neighbour().await;
    bench.start("demo", &["--hang"]);
    bench.state("demo", StateName::Starting).await;
    bench.check_neighbour().await;
    bench.supervisor.remove("demo").await;
    assert!(bench.status("demo").is_none());
    bench.end().await;
}

#[tokio::test]
async fn garbage_is_text_or_refused() {
    let bench = Bench::new();
    bench.start_neighbour().await;
    bench.start("demo", &["--garbage", "--rows", "1"]);
    let seen = bench.seen("demo", |seen| seen.rows == 1).await;
    assert_eq!(seen.text, 1000);
    let status = bench.status("demo").expect("a status");
    assert!(status.suppressed_lines > 0, "{status:?}");
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn closed_output_of_a_living_process_is_a_death() {
    let hour = std::time::Duration::from_hours(1);
    let bench = Bench::with(Policy { backoff_min: hour, backoff_max: hour, ..hasty() });
    bench.start_neighbour().await;
    bench.start("demo", &["--rows", "1", "--close-stdout", "--hang"]);
    let status = bench.state("demo", StateName::Backoff).await;
    let reason = status.last_exit.expect("an end").reason;
    assert!(reason.starts_with("output closed while alive"), "{reason}");
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn overlong_line_is_one_refused_line() {
    let bench = Bench::new();
    bench.start_neighbour().await;
    bench.start("demo", &["--long-line", "200000", "--rows", "5"]);
    let seen = bench.seen("demo", |seen| seen.rows == 5).await;
    assert_eq!(seen.overlong, 1);
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn partial_last_line_is_truncated() {
    let bench = Bench::new();
    bench.start("demo", &["--rows", "2", "--partial-line", "--exit", "0"]);
    bench.state("demo", StateName::Done).await;
    let seen = bench.counts.of("demo");
    assert_eq!((seen.rows, seen.truncated), (2, vec!["|demo|7|".to_owned()]));
    bench.end().await;
}

#[tokio::test]
async fn flood_on_stderr_keeps_the_last_lines() {
    let bench = Bench::new();
    bench.start_neighbour().await;
    bench.start("demo", &["--stderr-flood", "20000", "--ready-only"]);
    let last = |lines: &[String]| lines.last().is_some_and(|line| line == "line 19999 of many");
    let status = bench.until("demo", |status| last(&status.stderr)).await;
    assert_eq!(status.stderr.len(), 50);
    assert!(status.suppressed_lines > 10_000, "{status:?}");
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn all_output_before_a_death_is_read() {
    let bench = Bench::new();
    bench.start("demo", &["--rows", "5000", "--exit", "0"]);
    bench.state("demo", StateName::Done).await;
    assert_eq!(bench.counts.of("demo").rows, 5000);
    bench.end().await;
}

#[tokio::test]
async fn more_memory_than_allowed_is_a_death_that_says_so() {
    let hour = std::time::Duration::from_hours(1);
    let bench = Bench::with(Policy { backoff_min: hour, backoff_max: hour, ..hasty() });
    bench.start_neighbour().await;
    let flags = ["--eat", "200000000", "--hang"];
    bench.set(bench.limited("demo", "limits = { memory = \"32MiB\" }", &flags), Some(config(1)));
    let status = bench.state("demo", StateName::Backoff).await;
    let reason = status.last_exit.expect("an end").reason;
    assert!(reason.starts_with("memory limit reached"), "{reason}");
    bench.check_neighbour().await;
    bench.end().await;
}

#[tokio::test]
async fn status_names_what_enforces_and_what_is_used() {
    let bench = Bench::new();
    bench.start("demo", &["--ready-only"]);
    let status = bench.state("demo", StateName::Running).await;
    assert_ne!(status.enforced.expect("the mechanisms").kill, Mechanism::NotEnforced);
    assert!(status.usage.expect("the accounts").memory > 0);
    bench.end().await;
}
