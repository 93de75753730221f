//! The watch on real folders, changed the ways that people and packages change them.

use std::fs;
use std::thread::sleep;

use tokio::time::timeout;

use super::*;
use crate::catalog::tests::{FIELDS, Place, manifest, rules, write_executable, write_folder, write_with};

/// Only a bound for a broken watch; nothing is measured against it.
const PATIENCE: Duration = Duration::from_secs(30);

fn start(place: &Place) -> (Catalog, Watch<Change>) {
    watch(place.roots.clone(), rules()).unwrap()
}

/// The next change in short words: `added a`, `fault FOLDER:LINE`.
async fn next(watch: &mut Watch<Change>) -> String {
    let change =
        timeout(PATIENCE, watch.next()).await.expect("no change was reported").expect("the watch ended");
    let last = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    match change {
        Change::Added(folder) => format!("added {}", folder.name),
        Change::Changed(folder) => format!("changed {}", folder.name),
        Change::Removed(name) => format!("removed {name}"),
        Change::Fault(fault) => {
            format!("fault {}:{}", last(&fault.path), fault.place.map_or(0, |(_, line)| line))
        }
        Change::FaultCleared(path) => format!("cleared {}", last(&path)),
    }
}

/// Nothing is reported while every deadline passes.
async fn assert_silent(watch: &mut Watch<Change>) {
    let limit = Duration::from_millis(1_500);
    assert!(timeout(limit, watch.next()).await.is_err(), "something was reported");
}

#[tokio::test]
async fn a_slow_copy_gives_one_addition_and_a_removal_follows() {
    let place = Place::new();
    let (catalog, mut watch) = start(&place);
    assert_eq!(catalog, Catalog::default());
    let folder = place.extend().join("a");
    let pause = || sleep(Duration::from_millis(400));
    fs::create_dir(&folder).unwrap();
    pause();
    fs::write(folder.join("probe.toml"), "protocol = 1\n").unwrap();
    pause();
    fs::write(folder.join("probe.toml"), manifest("a", "a", "a", FIELDS)).unwrap();
    pause();
    write_executable(&folder);
    assert_eq!(next(&mut watch).await, "added a");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(next(&mut watch).await, "removed a");
    assert_silent(&mut watch).await;
}

#[tokio::test]
async fn a_broken_manifest_is_told_once_and_mended() {
    let place = Place::new();
    let folder = write_folder(place.extend(), "a");
    write_folder(place.extend(), "b");
    let (catalog, mut watch) = start(&place);
    assert_eq!(catalog.folders.len(), 2);
    let good = fs::read_to_string(folder.join("probe.toml")).unwrap();
    fs::write(folder.join("probe.toml"), good.replace("protocol = 1", "protocol = 99")).unwrap();
    assert_eq!(next(&mut watch).await, "removed a");
    assert_eq!(next(&mut watch).await, "fault a:1");
    fs::write(folder.join("notes"), "a touch that mends nothing").unwrap();
    assert_silent(&mut watch).await;
    fs::write(folder.join("probe.toml"), &good).unwrap();
    assert_eq!(next(&mut watch).await, "cleared a");
    assert_eq!(next(&mut watch).await, "added a");
}

#[tokio::test]
async fn a_folder_that_is_bad_at_the_start_is_told_and_mended() {
    let place = Place::new();
    let folder = place.extend().join("a");
    fs::create_dir(&folder).unwrap();
    let (catalog, mut watch) = start(&place);
    assert_eq!(catalog, Catalog::default());
    assert_eq!(next(&mut watch).await, "fault a:0");
    write_folder(place.extend(), "a");
    assert_eq!(next(&mut watch).await, "cleared a");
    assert_eq!(next(&mut watch).await, "added a");
}

#[tokio::test]
async fn an_upgraded_executable_is_a_change() {
    let place = Place::new();
    let folder = write_folder(place.built_in(), "a");
    let (_, mut watch) = start(&place);
    write_executable(&folder.join(""));
    assert_eq!(next(&mut watch).await, "changed a");
    fs::rename(&folder, place.built_in().join(".old")).unwrap();
    write_folder(place.built_in(), "a");
    assert_eq!(next(&mut watch).await, "changed a");
}

#[tokio::test]
async fn a_renamed_folder_goes_and_is_bad_under_its_new_name() {
    let place = Place::new();
    let folder = write_folder(place.extend(), "a");
    let (_, mut watch) = start(&place);
    fs::rename(&folder, place.extend().join("b")).unwrap();
    assert_eq!(next(&mut watch).await, "removed a");
    assert_eq!(next(&mut watch).await, "fault b:2");
    fs::rename(place.extend().join("b"), &folder).unwrap();
    // Two folders were touched: which is quiet first is nobody's promise.
    let mut both = [next(&mut watch).await, next(&mut watch).await];
    both.sort();
    assert_eq!(both, ["added a", "cleared b"]);
}

#[tokio::test]
async fn roots_may_come_late_go_and_return() {
    let place = Place::new();
    let root = place.extend().to_owned();
    let aside = place.dir.path().join("aside");
    write_folder(&root, "a");
    fs::rename(&root, &aside).unwrap();
    let (catalog, mut watch) = start(&place);
    assert_eq!(catalog, Catalog::default());
    fs::rename(&aside, &root).unwrap();
    assert_eq!(next(&mut watch).await, "added a");
    fs::rename(&root, &aside).unwrap();
    assert_eq!(next(&mut watch).await, "removed a");
    fs::create_dir(&root).unwrap();
    write_folder(&root, "b");
    assert_eq!(next(&mut watch).await, "added b");
}

#[tokio::test]
async fn when_the_winner_goes_the_other_takes_its_name() {
    let place = Place::new();
    let winner = write_folder(place.built_in(), "a");
    write_folder(place.extend(), "a");
    let (catalog, mut watch) = start(&place);
    assert_eq!(catalog.faults.len(), 1);
    fs::remove_dir_all(winner).unwrap();
    assert_eq!(next(&mut watch).await, "cleared a");
    assert_eq!(next(&mut watch).await, "changed a");
}

#[tokio::test]
async fn a_hundred_folders_come_and_go() {
    let place = Place::new();
    let (_, mut watch) = start(&place);
    let names: BTreeSet<String> = (0..100).map(|n| format!("p{n:02}")).collect();
    names.iter().for_each(|name| drop(write_folder(place.extend(), name)));
    for (word, act) in [("added", None), ("removed", Some(place.extend()))] {
        act.map(fs::remove_dir_all).transpose().unwrap();
        let mut seen = BTreeSet::new();
        for _ in &names {
            seen.insert(next(&mut watch).await);
        }
        assert_eq!(seen, names.iter().map(|name| format!("{word} {name}")).collect());
    }
    assert_silent(&mut watch).await;
}

#[tokio::test]
async fn a_dropped_watch_ends_its_thread() {
    let place = Place::new();
    let (_, watch) = start(&place);
    let Watch { mut changes, _stopper } = watch;
    drop(_stopper);
    assert_eq!(timeout(PATIENCE, changes.recv()).await, Ok(None));
}

#[tokio::test]
async fn a_probe_that_writes_in_its_folder_is_not_restarted() {
    let place = Place::new();
    let folder = write_with(place.extend(), "a", &manifest("a", "a", "a", FIELDS));
    let (_, mut watch) = start(&place);
    for n in 0..20 {
        fs::write(folder.join("scratch"), n.to_string()).unwrap();
        sleep(Duration::from_millis(20));
    }
    assert_silent(&mut watch).await;
}
