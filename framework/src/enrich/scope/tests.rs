//! Selection over a procfs made of files.

use std::fs;
use std::path::Path;

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const UID: &str = "0f3c5b2e-1111-4222-8333-444455556666";

fn write(root: &Path, pid: u32, comm: &str, cmdline: &str, cgroup: &str) {
    let folder = root.join(format!("proc/{pid}"));
    fs::create_dir_all(&folder).unwrap();
    let stat = format!("{pid} ({comm}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0\n");
    fs::write(folder.join("stat"), stat).unwrap();
    fs::write(folder.join("cmdline"), cmdline.replace(' ', "\0")).unwrap();
    fs::write(folder.join("cgroup"), format!("0::{cgroup}\n")).unwrap();
}

fn name(comm: &str, cmdline: &str) -> Parts {
    Parts {
        names: vec![Name { comm: Regex::new(comm).unwrap(), cmdline: cmdline.into() }],
        ..Parts::default()
    }
}

fn select(select: Parts) -> Selector {
    Selector { select, ..Selector::default() }
}

fn all() -> Changed {
    Changed { all: true, ..Changed::default() }
}

fn pids(selector: Selector, processes: &Processes) -> Vec<u32> {
    let mut selection = Selection::new(selector);
    assert!(selection.update(&all(), processes) || selection.scope().processes.is_empty());
    selection.scope().processes.iter().map(|process| process.pid).collect()
}

fn host() -> (tempfile::TempDir, Processes) {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), 10, "nginx", "nginx: master", "/");
    write(root.path(), 11, "my prog (x)", "/bin/prog --serve", &format!("/docker/{ID}"));
    write(
        root.path(),
        12,
        "java",
        "java -jar b.jar",
        &format!("/kubepods/besteffort/pod{UID}/{}", ID.replace('0', "f")),
    );
    let processes = Processes::new(root.path());
    processes.follow(true);
    processes.scan(1, true);
    processes.noticed();
    (root, processes)
}

#[test]
fn names_select_by_pattern_and_command_line() {
    let (_root, processes) = host();
    assert_eq!(pids(select(name("^nginx$", "")), &processes), [10]);
    assert_eq!(pids(select(name("my prog", "--serve")), &processes), [11]);
    assert_eq!(pids(select(name("java", "a.jar")), &processes), Vec::<u32>::new());
}

#[test]
fn containers_and_pods_select_their_processes_and_are_named_themselves() {
    let (_root, processes) = host();
    let part = Parts { container_ids: vec![ID[..12].into()], ..Parts::default() };
    let mut selection = Selection::new(select(part));
    assert!(selection.update(&all(), &processes));
    let scope = selection.scope();
    assert_eq!((scope.processes[0].pid, scope.processes[0].container_id.as_str()), (11, ID));
    assert_eq!(
        (scope.containers[0].id.as_str(), scope.containers[0].cgroup_path.as_str()),
        (ID, &*format!("/docker/{ID}"))
    );
    for uid in [UID.to_owned(), UID.replace('-', "")] {
        let part = Parts { pod_ids: vec![uid], ..Parts::default() };
        assert_eq!(pids(select(part), &processes), [12]);
    }
}

#[test]
fn what_is_excluded_is_not_selected_whatever_selects_it() {
    let (_root, processes) = host();
    let exclude = Parts { ids: vec![10], pod_ids: vec![UID.into()], ..Parts::default() };
    let everything = Selector { all: true, select: Parts::default(), exclude };
    assert!(everything.follows());
    assert_eq!(pids(everything, &processes), [11]);
}

#[test]
fn all_but_some_names_the_containers_that_are_left() {
    let (_root, processes) = host();
    let exclude = Parts { pod_ids: vec![UID.into()], ..Parts::default() };
    let mut selection = Selection::new(Selector { all: true, exclude, ..Selector::default() });
    assert!(selection.update(&all(), &processes));
    let containers = selection.scope().containers;
    assert_eq!(containers.iter().map(|container| container.id.as_str()).collect::<Vec<_>>(), [ID]);
}

#[test]
fn everything_is_one_word_and_ids_need_a_process() {
    let (_root, processes) = host();
    let all = Selector { all: true, ..Selector::default() };
    assert!(!all.follows() && Selection::new(all).scope().all);
    let ids = Parts { ids: vec![10, 99], ..Parts::default() };
    assert_eq!(pids(select(ids), &processes), [10]);
}

#[test]
fn a_process_with_a_new_name_or_with_an_old_pid_is_judged_anew() {
    let (root, processes) = host();
    let mut selection = Selection::new(select(name("^nginx$", "")));
    assert!(selection.update(&all(), &processes));
    write(root.path(), 10, "sh", "sh", "/");
    write(root.path(), 13, "nginx", "nginx", "/");
    fs::remove_dir_all(root.path().join("proc/12")).unwrap();
    processes.scan(2, false);
    let changed = processes.noticed();
    assert_eq!(changed, [10, 12, 13].into());
    let changed = Changed { all: false, pids: changed };
    assert!(selection.update(&changed, &processes) && !selection.update(&changed, &processes));
    assert!(!selection.update(&all(), &processes), "nothing else has changed");
    assert_eq!(selection.scope().processes.iter().map(|process| process.pid).collect::<Vec<_>>(), [13]);
}

#[test]
fn an_id_means_the_process_that_had_it_first() {
    let (root, processes) = host();
    let ids = Parts { ids: vec![10], ..Parts::default() };
    let mut selection = Selection::new(select(ids));
    assert!(selection.update(&all(), &processes));
    let stat = root.path().join("proc/10/stat");
    let reused = fs::read_to_string(&stat).unwrap().replace(" 0 1 0 5 ", " 0 1 0 99 ");
    fs::write(&stat, reused).unwrap();
    processes.scan(2, false);
    let changed = Changed { all: false, pids: processes.noticed() };
    assert_eq!(changed.pids, [10].into());
    assert!(selection.update(&changed, &processes));
    assert!(selection.scope().processes.is_empty());
    assert!(!selection.update(&all(), &processes), "and stays what it meant");
}
