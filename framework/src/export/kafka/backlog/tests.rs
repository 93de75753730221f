//! Nothing is lost, doubled or out of order, in memory, on disk, and over a restart.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::export::kafka::message::Topic;

const SMALL: Bounds = Bounds { memory: 4 * FULL, spool: 64 * FULL };

fn message(value: &[u8]) -> Message<'_> {
    Message { topic: Topic::Metric, time: 1, key: b"k", value }
}

fn put(backlog: &mut Backlog, number: u32, size: usize) -> bool {
    let mut value = number.to_le_bytes().to_vec();
    value.resize(size.max(4), 0);
    backlog.push(&message(&value)).is_ok()
}

fn number(message: &Message<'_>) -> u32 {
    u32::from_le_bytes(message.value[..4].try_into().unwrap())
}

/// Hands out what there is, at most so many.
fn hand_out(backlog: &mut Backlog, most: usize) -> Vec<(Ticket, u32)> {
    let mut out = Vec::new();
    while out.len() < most {
        let Some((ticket, message)) = backlog.peek() else { break };
        out.push((ticket, number(&message)));
        backlog.advance();
    }
    out
}

fn numbers(out: &[(Ticket, u32)]) -> Vec<u32> {
    out.iter().map(|(_, number)| *number).collect()
}

fn open(folder: &Path) -> Backlog {
    Backlog::new(SMALL, Some(Spool::open(folder).unwrap()))
}

/// Ends; how many messages were lost.
fn lost(backlog: Backlog) -> usize {
    backlog.close().into_values().sum()
}

/// Numbers of what an earlier run has left.
fn left(folder: &Path) -> Vec<u32> {
    numbers(&hand_out(&mut open(folder), 100_000))
}

fn files(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().ends_with(".spool")).count()
}

#[test]
fn what_is_not_done_with_is_handed_out_again() {
    let mut backlog = Backlog::new(SMALL, None);
    (0..10).for_each(|number| assert!(put(&mut backlog, number, 4)));
    let out = hand_out(&mut backlog, 6);
    for place in [0, 1, 3] {
        assert!(backlog.finish(out[place].0));
        assert!(!backlog.finish(out[place].0), "only once");
    }
    assert_eq!(backlog.open(), 7);
    backlog.rewind();
    assert_eq!(numbers(&hand_out(&mut backlog, 100)), [2, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn more_than_memory_holds_goes_to_disk_and_comes_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = open(folder.path());
    let count = 12_000;
    (0..count).for_each(|number| assert!(put(&mut backlog, number, 1000)));
    assert!(backlog.memory <= SMALL.memory + 2 * FULL, "{}", backlog.memory);
    assert!(files(folder.path()) >= 5);
    let mut seen = Vec::new();
    loop {
        let out = hand_out(&mut backlog, 500);
        if out.is_empty() {
            break;
        }
        seen.extend(numbers(&out));
        out.iter().for_each(|(ticket, _)| assert!(backlog.finish(*ticket)));
    }
    assert_eq!(seen, (0..count).collect::<Vec<_>>());
    assert_eq!((backlog.open(), backlog.take_lost()), (0, 0));
    backlog.rest();
    assert_eq!((files(folder.path()), backlog.memory, backlog.length), (0, 0, 0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { memory: 4 * FULL, spool: 8 * FULL };
    let mut spooled = Backlog::new(bounds, Some(Spool::open(folder.path()).unwrap()));
    let mut plain = Backlog::new(bounds, None);
    let fits = |backlog: &mut Backlog| (0..20_000).take_while(|number| put(backlog, *number, 1000)).count();
    for (count, bound) in [(fits(&mut spooled), bounds.spool), (fits(&mut plain), bounds.memory)] {
        assert_eq!(count, bound / frame::length(&message(&[0; 1000])));
    }
    let out = hand_out(&mut spooled, 2000);
    out.iter().for_each(|(ticket, _)| assert!(spooled.finish(*ticket)));
    assert!(put(&mut spooled, 1, 1000), "there is room again");
}

#[test]
fn a_restart_hands_out_exactly_what_was_not_done_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = open(folder.path());
    (0..3000).for_each(|number| assert!(put(&mut backlog, number, 1000)));
    let out = hand_out(&mut backlog, 2000);
    out.iter().filter(|(_, number)| number % 3 != 0).for_each(|(ticket, _)| assert!(backlog.finish(*ticket)));
    assert_eq!(lost(backlog), 0);
    let mut backlog = open(folder.path());
    let wanted: Vec<_> = (0..3000).filter(|number| *number >= 2000 || number % 3 == 0).collect();
    assert_eq!(backlog.open(), wanted.len());
    assert!(put(&mut backlog, 3000, 4), "new ones come last");
    assert_eq!(numbers(&hand_out(&mut backlog, 5000)), [wanted, vec![3000]].concat());
}

#[test]
fn a_file_that_was_torn_gives_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = open(folder.path());
    (0..100).for_each(|number| assert!(put(&mut backlog, number, 100)));
    backlog.secure();
    let file = backlog.spool.as_ref().unwrap().path(0);
    // As after a kill: nothing is closed.
    drop(backlog);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 50]).unwrap();
    fs::write(folder.path().join("0000000000000007.new"), b"half").unwrap();
    fs::write(folder.path().join("0000000000000009.spool"), b"something else").unwrap();
    let mut backlog = open(folder.path());
    assert!(put(&mut backlog, 1000, 4));
    let wanted: Vec<_> = (0..99).chain([1000]).collect();
    let out = hand_out(&mut backlog, 1000);
    assert_eq!(numbers(&out), wanted);
    out.iter().for_each(|(ticket, _)| assert!(backlog.finish(*ticket)));
    assert_eq!(lost(backlog), 0);
    assert_eq!(open(folder.path()).open(), 0);
    assert_eq!(files(folder.path()), 1, "what is not ours is left alone");
}

#[test]
fn a_file_that_vanishes_is_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = open(folder.path());
    (0..100).for_each(|number| assert!(put(&mut backlog, number, 100)));
    assert_eq!(lost(backlog), 0);
    let mut backlog = open(folder.path());
    fs::remove_file(backlog.spool.as_ref().unwrap().path(0)).unwrap();
    assert_eq!(hand_out(&mut backlog, 1000), []);
    assert_eq!((backlog.open(), backlog.take_lost()), (0, 100));
}

/// A spool whose folder cannot be made or written.
fn blocked(folder: &Path) -> (Backlog, PathBuf) {
    let folder = folder.join("spool");
    let backlog = open(&folder);
    fs::remove_dir_all(&folder).unwrap();
    // As root nothing else keeps a file from being made.
    fs::write(&folder, b"a file").unwrap();
    (backlog, folder)
}

#[test]
fn without_room_on_disk_memory_alone_holds_what_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let (mut backlog, _) = blocked(folder.path());
    let fitting = (0..20_000).take_while(|number| put(&mut backlog, *number, 1000)).count();
    let most = (SMALL.memory + 2 * FULL) / frame::length(&message(&[0; 1000]));
    assert_eq!(fitting, most);
    backlog.secure();
    assert_eq!(hand_out(&mut backlog, 20_000).len(), fitting);
    assert_eq!((backlog.take_lost(), lost(backlog)), (0, fitting));
}

#[test]
fn a_loss_names_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let (mut backlog, path) = blocked(folder.path());
    let value = [0; 1000];
    let disk = std::iter::repeat_with(|| backlog.push(&message(&value))).find_map(Result::err).unwrap();
    assert!(matches!(disk, Loss::Disk(_)), "{disk:?}");
    fs::remove_file(&path).unwrap();
    assert_eq!(backlog.push(&message(&value)), Ok(()), "there is room again");
    let full = std::iter::repeat_with(|| backlog.push(&message(&value))).find_map(Result::err);
    assert_eq!(full, Some(Loss::Bounds));
    let count = backlog.open();
    assert_eq!((lost(backlog), left(&path).len()), (0, count));

    let mut plain = Backlog::new(SMALL, None);
    assert!(put(&mut plain, 1, 4));
    assert_eq!(plain.close(), BTreeMap::from([(Loss::Bounds, 1)]));
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let mut backlog = open(&path);
    (0..3000).for_each(|number| assert!(put(&mut backlog, number, 1000)));
    backlog.secure();
    fs::remove_dir_all(&path).unwrap();
    backlog.secure();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let lock = File::open(path.join("lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    // As after a kill: nothing is closed.
    drop(backlog);
    assert_eq!(left(&path), (0..3000).collect::<Vec<_>>());
}

#[test]
fn a_folder_that_somebody_else_uses_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let mut backlog = open(&path);
    assert!(put(&mut backlog, 1, 4));
    fs::remove_dir_all(&path).unwrap();
    let other = open(&path);
    backlog.secure();
    assert_eq!((lost(backlog), files(&path)), (1, 0));
    drop(other);
}

#[test]
fn what_only_a_removed_folder_had_is_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spool");
    let mut backlog = open(&path);
    (0..12_000).for_each(|number| assert!(put(&mut backlog, number, 1000)));
    fs::remove_dir_all(&path).unwrap();
    let causes = backlog.close();
    let kept = left(&path);
    assert!(!kept.is_empty() && kept.len() < 12_000, "{}", kept.len());
    assert_eq!(causes, BTreeMap::from([(Loss::Gone, 12_000 - kept.len())]));
}

#[test]
fn a_file_that_was_cut_is_made_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = open(folder.path());
    (0..10).for_each(|number| assert!(put(&mut backlog, number, 1000)));
    backlog.secure();
    (10..20).for_each(|number| assert!(put(&mut backlog, number, 1000)));
    let file = backlog.spool.as_ref().unwrap().path(0);
    let half = fs::metadata(&file).unwrap().len() - 500;
    File::options().write(true).open(&file).unwrap().set_len(half).unwrap();
    backlog.secure();
    drop(backlog);
    assert_eq!(left(folder.path()), (0..20).collect::<Vec<_>>());
}

#[test]
fn an_end_without_room_for_a_copy_leaves_what_was_not_done_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = open(folder.path());
    (0..100).for_each(|number| assert!(put(&mut backlog, number, 100)));
    backlog.secure();
    let out = hand_out(&mut backlog, 50);
    out.iter().for_each(|(ticket, _)| assert!(backlog.finish(*ticket)));
    let copy = folder.path().join("0000000000000000.new");
    fs::create_dir(&copy).unwrap();
    assert_eq!(lost(backlog), 0);
    fs::remove_dir(copy).unwrap();
    assert_eq!(left(folder.path()), (50..100).collect::<Vec<_>>());
}
