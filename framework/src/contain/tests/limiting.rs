//! Limits hold.

use super::harness::{Scene, end, eventually, finish, lines};
use crate::contain::{Exit, Launch, Limits, Mechanism};

fn limited(scene: &Scene, script: &str, memory: Option<u64>, cpu: Option<f64>) -> Launch {
    Launch { limits: Limits { memory, cpu }, ..scene.script(script) }
}

#[tokio::test]
async fn process_that_takes_too_much_memory_is_killed() {
    let scene = Scene::new();
    // `tail` keeps a line until its end, which never comes.
    let launch = limited(&scene, "exec tail /dev/zero", Some(32 << 20), None);
    let mut child = scene.spawner.spawn(launch).await.unwrap();
    if child.enforced.memory == Mechanism::NotEnforced {
        eprintln!("skipped: no controller for memory here");
    } else {
        assert_eq!(end(&mut child).await, Exit::Signal(9));
        assert!(child.group.oom_kills().is_some_and(|kills| kills > 0));
    }
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn process_that_takes_too_much_cpu_is_throttled() {
    let scene = Scene::new();
    let launch = limited(&scene, "while :; do :; done", None, Some(5.0));
    let child = scene.spawner.spawn(launch).await.unwrap();
    if child.enforced.cpu == Mechanism::NotEnforced {
        eprintln!("skipped: no controller for CPU here");
    } else {
        let stats: Vec<_> =
            child.group.cgroups.folders().iter().map(|folder| folder.join("cpu.stat")).collect();
        let throttled = || {
            stats.iter().filter_map(|file| std::fs::read_to_string(file).ok()).any(|text| {
                text.lines().filter_map(|line| line.strip_prefix("nr_throttled ")).any(|count| count != "0")
            })
        };
        eventually("the kernel throttles it", throttled).await;
    }
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn usage_counts_descendants() {
    let scene = Scene::new();
    let script = "(i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done); read line";
    let mut child = scene.run(script).await;
    assert_eq!(lines(&mut child, 1).await, ["done"]);
    let usage = child.group.usage().unwrap();
    assert!(usage.memory > 0, "{usage:?}");
    if child.group.cgroups.cpu().is_none() {
        eprintln!("skipped: no cgroup here tells the CPU time of descendants");
    } else {
        assert!(usage.cpu.as_micros() > 0, "{usage:?}");
    }
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn without_limits_none_is_claimed() {
    let scene = Scene::new();
    let child = scene.run("read line").await;
    assert_eq!((child.enforced.memory, child.enforced.cpu), (Mechanism::NoLimit, Mechanism::NoLimit));
    finish(child).await;
    scene.close().await;
}
