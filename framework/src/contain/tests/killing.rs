//! Nothing of a probe survives it.

use nix::sys::signal::Signal;

use super::harness::{Scene, end, eventually, exists, finish, lines};
use crate::contain::{Exit, Group, Mechanism};

/// Kills a probe that has told the pids of its descendants, and waits until they are gone.
async fn kill_all(scene: Scene, script: &str, count: usize) {
    let mut child = scene.run(script).await;
    let pids = lines(&mut child, count).await;
    assert!(pids.iter().all(|pid| exists(pid)), "{pids:?}");
    finish(child).await;
    for pid in pids {
        eventually(&format!("{pid} is gone"), || !exists(&pid)).await;
    }
    scene.close().await;
}

#[tokio::test]
async fn grandchild_is_killed() {
    kill_all(Scene::new(), "sleep 1000 & echo $!; wait", 1).await;
}

#[tokio::test]
async fn grandchild_in_its_own_session_is_killed() {
    kill_all(Scene::new(), "setsid sh -c 'echo $$; exec sleep 1000' & wait", 1).await;
}

/// Orphaned, in its own session, without any environment: what only a cgroup can find.
const HIDDEN: &str = "(setsid env -i /bin/sh -c 'echo $$; exec sleep 1000' &); read line";

#[tokio::test]
async fn orphan_without_environment_is_killed_by_the_cgroup() {
    let scene = Scene::new();
    let child = scene.run("exit 0").await;
    let kill = child.enforced.kill;
    finish(child).await;
    if kill == Mechanism::ProcessGroup {
        eprintln!("skipped: cgroups cannot be made here");
        return scene.close().await;
    }
    kill_all(scene, HIDDEN, 1).await;
}

#[tokio::test]
async fn term_is_heard_and_may_be_ignored() {
    let scene = Scene::new();
    let mut child = scene.run("trap 'echo heard' TERM; echo set; while :; do read line; done 2>&1").await;
    assert_eq!(lines(&mut child, 1).await, ["set"]);
    child.group.signal(Signal::SIGTERM);
    assert_eq!(lines(&mut child, 1).await, ["heard"]);
    child.group.kill();
    assert_eq!(end(&mut child).await, Exit::Signal(9));
    finish(child).await;
    scene.close().await;
}

#[tokio::test]
async fn dropped_process_is_killed() {
    let scene = Scene::new();
    let child = scene.run("while :; do sleep 1000; done").await;
    let pid = child.pid.to_string();
    drop(child);
    eventually("it is gone", || !exists(&pid)).await;
    scene.close().await;
}

#[tokio::test]
async fn without_cgroups_group_and_marker_find_the_descendants() {
    let scene = Scene::new();
    let mut child = scene.run("sleep 1000 & echo $!; setsid sh -c 'echo $$; exec sleep 1000' & wait").await;
    let pids = lines(&mut child, 2).await;
    // As on a system where no cgroup can be made.
    let group: &mut Group = &mut child.group;
    let cgroups = std::mem::take(&mut group.cgroups);
    finish(child).await;
    for pid in pids {
        eventually(&format!("{pid} is gone"), || !exists(&pid)).await;
    }
    assert!(cgroups.remove());
    scene.close().await;
}

#[tokio::test]
async fn other_probe_of_the_same_agent_is_spared() {
    let scene = Scene::new();
    let mut spared = scene.script("echo up; read line; exit 5");
    spared.name = "sampler".to_owned();
    let mut spared = scene.spawner.spawn(spared).await.unwrap();
    assert_eq!(lines(&mut spared, 1).await, ["up"]);
    let mut child = scene.run("read line").await;
    let cgroups = std::mem::take(&mut child.group.cgroups);
    finish(child).await;
    assert!(cgroups.remove());
    assert!(exists(&spared.pid.to_string()));
    finish(spared).await;
    scene.close().await;
}
