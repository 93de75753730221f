//! The configuration's way to a process.

use gala_gopher::supervise::StateName;
use gopher_protocol::control::{ConfigMessage, Process};

use crate::bench::{Bench, config, hasty};

fn with_scope(generation: u64, processes: u32) -> ConfigMessage {
    let mut message = config(generation);
    let process = |pid| Process { pid, ..Process::default() };
    message.probes.get_mut("demo").expect("the probe").scope.processes =
        (0..processes).map(process).collect();
    message
}

fn with_period(generation: u64, period: u64) -> ConfigMessage {
    let mut message = config(generation);
    let probe = message.probes.get_mut("demo").expect("the probe");
    probe.params.insert("report_period".to_owned(), period.into());
    message
}

#[tokio::test]
async fn answer_to_a_configuration_is_timed() {
    let bench = Bench::new();
    let folder = bench.folder("demo", "stdin", &["--ready-only", "--echo-config"]);
    bench.set(folder.clone(), Some(config(1)));
    bench.until("demo", |status| status.delivered.applied == Some(1)).await;
    bench.set(folder, Some(with_period(2, 5)));
    let status = bench.until("demo", |status| status.delivered.applied == Some(2)).await;
    assert_eq!((status.generation, status.delivered.sent, status.restarts), (Some(2), Some(2), 0));
    assert!(status.delivered.apply_time.is_some());
    bench.end().await;
}

#[tokio::test]
async fn of_many_scopes_the_latest_arrives_and_not_all_of_them() {
    let bench = Bench::new();
    let folder = bench.folder("demo", "stdin", &["--ready-only", "--echo-config"]);
    for generation in 1..=1000 {
        bench.set(folder.clone(), Some(with_scope(generation, u32::try_from(generation).expect("a pid"))));
        tokio::task::yield_now().await;
    }
    bench.until("demo", |status| status.delivered.applied == Some(1000)).await;
    let applied = bench.counts.of("demo").applied;
    assert!(applied.len() < 100, "{applied:?}");
    bench.end().await;
}

#[tokio::test]
async fn probe_that_never_reads_disturbs_nobody_and_is_told_of() {
    let bench = Bench::with(hasty());
    bench.start_neighbour().await;
    let folder = bench.folder("demo", "stdin", &["--never-read"]);
    bench.set(folder.clone(), Some(with_scope(1, 20_000)));
    let status = bench.until("demo", |status| status.delivered.waiting.is_some()).await;
    assert_eq!(status.delivered.sent, None);
    for generation in 2..100 {
        bench.set(folder.clone(), Some(with_period(generation, generation)));
    }
    bench.check_neighbour().await;
    let status = bench.status("demo").expect("a status");
    assert_eq!((status.generation, status.delivered.sent), (Some(99), None));
    bench.supervisor.remove("demo").await;
    bench.end().await;
}

#[tokio::test]
async fn file_replaced_for_a_scope_restarts_nothing_and_for_settings_restarts() {
    let bench = Bench::with(hasty());
    let folder = bench.folder("demo", "restart", &["--ready-only", "--config-file"]);
    bench.set(folder.clone(), Some(config(1)));
    bench.until("demo", |status| status.delivered.applied == Some(1)).await;

    bench.set(folder.clone(), Some(with_scope(2, 3)));
    let status = bench.until("demo", |status| status.delivered.sent == Some(2)).await;
    assert_eq!((status.state, status.restarts), (StateName::Running, 0));
    let file = bench.home.path().join("run/config/demo.json");
    let text = std::fs::read_to_string(&file).expect("the configuration file");
    assert_eq!(ConfigMessage::from_line(&text).expect("a message"), with_scope(2, 3));

    bench.set(folder, Some(with_period(3, 5)));
    let status = bench.until("demo", |status| status.delivered.applied == Some(3)).await;
    assert_eq!(status.restarts, 1);
    bench.supervisor.remove("demo").await;
    assert!(!file.exists());
    bench.end().await;
}

#[tokio::test]
async fn process_that_runs_anew_works_with_what_it_was_started_with() {
    let bench = Bench::with(hasty());
    let folder = bench.folder("demo", "restart", &["--ready-only"]);
    bench.set(folder.clone(), Some(config(1)));
    bench.until("demo", |status| status.delivered.applied == Some(1)).await;
    bench.set(folder, Some(with_period(2, 5)));
    let applied = bench.supervisor.applied("demo", 2).await;
    let status = bench.status("demo").expect("a status");
    assert_eq!((applied, status.state, status.restarts), (true, StateName::Running, 1));
    bench.end().await;
}

#[tokio::test]
async fn restarted_process_is_told_the_latest_configuration() {
    let bench = Bench::new();
    let folder = bench.folder("demo", "stdin", &["--ready-only", "--echo-config"]);
    bench.set(folder.clone(), Some(config(1)));
    bench.until("demo", |status| status.delivered.applied == Some(1)).await;
    bench.set(folder, Some(with_period(2, 5)));
    assert!(bench.supervisor.restart("demo"));
    bench.until("demo", |status| status.restarts == 1 && status.delivered.applied == Some(2)).await;
    bench.end().await;
}
