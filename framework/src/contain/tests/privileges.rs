//! What a process may do is what its manifest names.

use super::harness::{Scene, finish, lines};
use crate::contain::{Launch, SpawnError};

const STATUS: &str =
    "grep -E '^(Uid|Gid|Groups|NoNewPrivs|Cap...):' /proc/$$/status | tr '\\t' ' '; echo end";

async fn status(scene: &Scene, privileges: &[&str], optional_privileges: &[&str]) -> Vec<String> {
    let [privileges, optional_privileges] = [privileges, optional_privileges]
        .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let launch = Launch { privileges, optional_privileges, ..scene.script(STATUS) };
    let mut child = scene.spawner.spawn(launch).await.unwrap();
    let lines = lines(&mut child, 10).await;
    finish(child).await;
    lines.into_iter().map(|line| line.trim().to_owned()).collect()
}

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: the agent must be root to change the user");
    }
    root
}

#[tokio::test]
async fn without_privileges_it_is_nobody_and_can_do_nothing() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid, nobody.gid);
    let lines = status(&scene, &[], &[]).await;
    let zero = "0000000000000000";
    let expected = [
        format!("Uid: {uid} {uid} {uid} {uid}"),
        format!("Gid: {gid} {gid} {gid} {gid}"),
        "Groups:".to_owned(),
        format!("CapInh: {zero}"),
        format!("CapPrm: {zero}"),
        format!("CapEff: {zero}"),
        format!("CapBnd: {zero}"),
        format!("CapAmb: {zero}"),
        "NoNewPrivs: 1".to_owned(),
        "end".to_owned(),
    ];
    assert_eq!(lines, expected);
    scene.close().await;
}

#[tokio::test]
async fn named_capabilities_survive_exec_as_nobody() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let lines = status(&scene, &["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"], &[]).await;
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid;
    assert_eq!(lines[0], format!("Uid: {nobody} {nobody} {nobody} {nobody}"));
    let set = format!("{:016x}", 1 << 2 | 1 << 19);
    let expected: Vec<String> =
        ["Inh", "Prm", "Eff", "Bnd", "Amb"].iter().map(|name| format!("Cap{name}: {set}")).collect();
    assert_eq!(lines[3..8], expected);
    scene.close().await;
}

#[tokio::test]
async fn of_optional_capabilities_it_gets_what_the_agent_has() {
    if !is_root() {
        return;
    }
    let scene = Scene::new();
    let lines = status(&scene, &["CAP_DAC_READ_SEARCH"], &["CAP_OF_GOOD_HOPE", "CAP_SYS_PTRACE"]).await;
    let set = format!("{:016x}", 1 << 2 | 1 << 19);
    assert_eq!(lines[5], format!("CapEff: {set}"));
    scene.close().await;
}

#[tokio::test]
async fn capability_that_the_agent_lacks_is_named() {
    let scene = Scene::new();
    let launch = Launch { privileges: vec!["CAP_OF_GOOD_HOPE".to_owned()], ..scene.script("exit 0") };
    let error = scene.spawner.spawn(launch).await.unwrap_err();
    assert!(
        matches!(&error, SpawnError::Denied { capability } if capability == "CAP_OF_GOOD_HOPE"),
        "{error}"
    );
    scene.close().await;
}
