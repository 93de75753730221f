//! The cache of processes over a procfs made of files.

use std::fs;

use super::*;
use crate::enrich::container::Facts;
use crate::enrich::containers::Answer;

fn labels(process: &Process) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    process.each_label(false, true, &mut |name: &str, value: &str| labels.push((name.into(), value.into())));
    labels
}

fn write(root: &Path, pid: u32, comm: &str, start: u64) {
    let folder = root.join(format!("proc/{pid}"));
    fs::create_dir_all(&folder).unwrap();
    let stat = format!("{pid} ({comm}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0 0\n");
    fs::write(folder.join("stat"), stat).unwrap();
    fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
    fs::write(folder.join("cmdline"), "/bin/x\0-v\0").unwrap();
}

#[test]
fn a_process_is_labelled_from_procfs_whatever_its_name() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "a) b (c", 250);
    fs::write(root.path().join("proc/stat"), "cpu 1\nbtime 1000\n").unwrap();
    let process = Processes::new(root.path()).get(7, 1).unwrap();
    let expected = [("comm", "a) b (c"), ("cmdline", "/bin/x -v"), ("start_time", "1002")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(labels(&process), expected);
}

#[test]
fn a_reused_pid_is_another_process_and_the_first_has_ended() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "old", 250);
    let processes = Processes::new(root.path());
    let first = processes.get(7, 1).unwrap();
    write(root.path(), 7, "new", 900);
    assert!(processes.get(7, 2).is_some_and(|same| Arc::ptr_eq(&same, &first)));
    let second = processes.get(7, 5000).unwrap();
    assert!(!second.is_same(&first));
    assert_eq!((first.ended(), second.ended()), (Some(5000), None));
}

#[test]
fn a_new_name_keeps_the_process() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "sh", 250);
    let processes = Processes::new(root.path());
    let first = processes.get(7, 1).unwrap();
    write(root.path(), 7, "nginx", 250);
    let second = processes.get(7, 5000).unwrap();
    assert!(second.is_same(&first) && !Arc::ptr_eq(&second, &first));
    assert_eq!(first.ended(), None);
}

#[test]
fn the_sweep_notices_the_end_and_forgets_who_is_not_named() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "a", 1);
    write(root.path(), 8, "b", 1);
    let processes = Processes::new(root.path());
    let named = processes.get(7, 1).unwrap();
    drop(processes.get(8, 1));
    fs::remove_dir_all(root.path().join("proc/7")).unwrap();
    processes.sweep(9000);
    assert_eq!(named.ended(), Some(9000));
    assert_eq!(lock(&processes.known).keys().collect::<Vec<_>>(), [&7]);
    assert!(processes.get(7, 50_000).is_some_and(|last| last.is_same(&named)), "for its last rows");
    processes.sweep(9001 + AFTER_END);
    assert!(lock(&processes.known).is_empty());
}

#[test]
fn one_that_waits_to_be_collected_has_ended() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "a", 1);
    let processes = Processes::new(root.path());
    let process = processes.get(7, 1).unwrap();
    let stat = root.path().join("proc/7/stat");
    let zombie = fs::read_to_string(&stat).unwrap().replace(" S ", " Z ");
    fs::write(&stat, zombie).unwrap();
    assert_eq!(processes.refresh(&process, 5000).map(|process| process.pid), None);
    assert_eq!(process.ended(), Some(5000));
}

#[test]
fn what_becomes_known_of_a_container_reaches_its_processes() {
    let id = "0123456789abcdef".repeat(4);
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "a", 1);
    fs::write(root.path().join("proc/7/cgroup"), format!("4:memory:/docker/{id}\n0::/\n")).unwrap();
    let processes = Processes::new(root.path());
    let before = processes.get(7, 1).unwrap();
    assert_eq!(before.container().map(|container| container.id.as_str()), Some(&*id));
    let facts = Facts { name: "web".into(), ..Facts::default() };
    processes.containers().answer(&id, Answer::Found(facts), 2);
    processes.renew();
    let after = processes.renewed(&before).unwrap();
    assert!(after.is_same(&before) && processes.generation() == 1);
    assert_eq!(after.container().map(|container| container.name()), Some("web"));
    assert!(processes.get(7, 5000).is_some_and(|now| Arc::ptr_eq(&now, &after)), "and stays");
}

#[test]
fn who_has_the_id_of_one_that_has_ended_is_found_at_once() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "old", 250);
    let processes = Processes::new(root.path());
    let first = processes.get(7, 1000).unwrap();
    // The watch sees the new one; a row of it comes at the same moment.
    write(root.path(), 7, "new", 900);
    processes.look(7, 1001);
    assert!(processes.refresh(&first, 1001).is_some_and(|now| now.names().0 == "new"));
}

#[test]
fn what_a_row_notices_is_told_as_what_the_watch_does() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "a", 1);
    let processes = Processes::new(root.path());
    processes.follow(true);
    processes.scan(1, true);
    assert_eq!(processes.noticed(), HashSet::from([7]));
    let seen = processes.seen(7).unwrap();
    fs::remove_dir_all(root.path().join("proc/7")).unwrap();
    assert_eq!(processes.refresh(&seen, 5000).map(|process| process.pid), None);
    assert_eq!(processes.noticed(), HashSet::from([7]), "the end");
    processes.scan(5001, false);
    assert_eq!(processes.noticed(), HashSet::new(), "once");
}

#[test]
fn another_command_line_and_another_control_group_are_seen_by_a_look_at_everything() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 7, "a", 1);
    let processes = Processes::new(root.path());
    processes.follow(true);
    processes.scan(1, true);
    processes.noticed();
    let changes = |file: &str, text: String| {
        fs::write(root.path().join("proc/7").join(file), text).unwrap();
        processes.scan(2, false);
        assert_eq!(processes.noticed(), HashSet::new(), "{file}");
        processes.scan(3, true);
        assert_eq!(processes.noticed(), HashSet::from([7]), "{file}");
    };
    changes("cmdline", "postgres: checkpointer\0".to_owned());
    changes("cgroup", format!("0::/docker/{}\n", "0123456789abcdef".repeat(4)));
}
