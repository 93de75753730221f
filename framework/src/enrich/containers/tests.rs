//! What is known of containers, and what is asked when.

use super::*;
use crate::enrich::cgroup::container_of;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn facts(name: &str) -> Answer {
    Answer::Found(Facts { name: name.into(), ..Facts::default() })
}

fn questions(containers: &Containers) -> usize {
    lock(&containers.state).questions.drain(..).count()
}

#[test]
fn an_id_is_known_at_once_and_asked_about_once() {
    let containers = Containers::new(Path::new("/nowhere"));
    let first = containers.by_id(ID, 1).unwrap();
    let again = containers.by_id(&ID[..12], 1).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!((first.name(), questions(&containers)), ("", 1));
    assert_eq!(containers.by_id("not-an-id", 1), None);
}

#[test]
fn an_answer_makes_a_new_container_and_the_same_answer_does_not() {
    let containers = Containers::new(Path::new("/nowhere"));
    let first = containers.by_id(ID, 1).unwrap();
    containers.answer(ID, facts("web"), 2);
    let named = containers.current(&first);
    assert_eq!((first.name(), named.name(), containers.generation()), ("", "web", 1));
    containers.answer(ID, facts("web"), 3);
    containers.answer(ID, Answer::Unknown, 4);
    assert!(Arc::ptr_eq(&containers.current(&first), &named), "one that is gone keeps its name");
}

#[test]
fn who_was_not_known_is_asked_about_again_later() {
    let containers = Containers::new(Path::new("/nowhere"));
    let used = containers.by_id(ID, 1).unwrap();
    assert_eq!(questions(&containers), 1);
    containers.answer(ID, Answer::Unknown, 10);
    containers.sweep(20);
    assert_eq!(questions(&containers), 0);
    containers.sweep(10 + AGAIN[1]);
    assert_eq!(questions(&containers), 1);
    drop(used);
}

#[test]
fn what_nobody_names_is_forgotten_after_a_minute() {
    let containers = Containers::new(Path::new("/nowhere"));
    drop(containers.by_id(ID, 1));
    containers.sweep(AFTER_USE);
    assert_eq!(lock(&containers.state).known.len(), 1);
    containers.sweep(AFTER_USE + 2);
    assert_eq!(lock(&containers.state).known.len(), 0);
}

#[test]
fn questions_and_containers_are_bounded() {
    let containers = Containers::new(Path::new("/nowhere"));
    for index in 0..CAPACITY + 10 {
        assert!(containers.by_id(&format!("{index:064x}"), 1).is_some());
    }
    assert_eq!(lock(&containers.state).known.len(), CAPACITY);
    assert_eq!(questions(&containers), QUEUE);
}

#[test]
fn a_container_that_is_started_again_has_the_number_of_its_new_directory() {
    let root = tempfile::tempdir().unwrap();
    let path = format!("/docker/{ID}");
    let directory = root.path().join("sys/fs/cgroup").join(&path[1..]);
    fs::create_dir_all(&directory).unwrap();
    let containers = Containers::new(root.path());
    let text = format!("0::{path}\n");
    let seen = |now| containers.by_group(&container_of(&text).unwrap(), now);
    let number = || fs::metadata(&directory).unwrap().ino();
    let first = seen(1);
    containers.answer(ID, facts("web"), 2);
    let named = seen(3);
    assert!(first.group.inode == number() && Arc::ptr_eq(&named, &seen(4)));
    // It keeps its number under another name, so that the new one gets another.
    fs::rename(&directory, root.path().join("old")).unwrap();
    assert!(Arc::ptr_eq(&named, &seen(5)), "what was known, where nothing is seen");
    fs::create_dir(&directory).unwrap();
    let (before, again) = (containers.generation(), seen(6));
    assert_eq!((again.group.inode, again.name()), (number(), "web"));
    assert_ne!(again.group.inode, first.group.inode);
    assert!(containers.generation() > before && Arc::ptr_eq(&again, &containers.current(&first)));
}
