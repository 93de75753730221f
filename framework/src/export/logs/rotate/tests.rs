//! Lines in, files out.

use proptest::prelude::*;

use super::*;

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn put(file: &mut Rotating, line: &str) {
    file.line(|out| out.push_str(line));
    let (written, result) = file.flush();
    result.unwrap();
    assert_eq!(written, 1);
}

#[test]
fn the_oldest_file_goes_and_those_left_hold_the_last_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/e.jsonl");
    let mut file = Rotating::new(path.clone(), 12, 3);
    for number in 0..10 {
        put(&mut file, &format!("line{number}"));
    }
    assert_eq!(lines(&path), ["line8", "line9"]);
    assert_eq!(lines(&numbered(&path, 1)), ["line6", "line7"]);
    assert_eq!(lines(&numbered(&path, 2)), ["line4", "line5"]);
    assert!(!numbered(&path, 3).exists());
}

#[test]
fn a_gap_in_the_numbers_is_filled_before_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    fs::write(&path, "new\n").unwrap();
    fs::write(numbered(&path, 2), "old\n").unwrap();
    put(&mut Rotating::new(path.clone(), 5, 3), "newest");
    let all =
        [0, 1, 2].map(|number| lines(&if number == 0 { path.clone() } else { numbered(&path, number) }));
    assert_eq!(all, [["newest"], ["new"], ["old"]]);
}

#[test]
fn fewer_files_than_before_take_the_rest_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    for number in 1..=4 {
        fs::write(numbered(&path, number), "old\n").unwrap();
    }
    let mut file = Rotating::new(path.clone(), 5, 2);
    put(&mut file, "one");
    put(&mut file, "two");
    assert!(numbered(&path, 1).exists() && !(2..=4).any(|number| numbered(&path, number).exists()));
}

#[test]
fn a_file_that_is_moved_or_removed_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    let mut file = Rotating::new(path.clone(), 1000, 3);
    put(&mut file, "one");
    fs::rename(&path, folder.path().join("moved")).unwrap();
    put(&mut file, "two");
    assert_eq!((lines(&folder.path().join("moved")), lines(&path)), (vec!["one".into()], vec!["two".into()]));
    fs::remove_file(&path).unwrap();
    put(&mut file, "three");
    assert_eq!(lines(&path), ["three"]);
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    put(&mut file, "four");
    assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
}

#[test]
fn a_line_that_was_cut_off_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    fs::write(&path, "whole\ncut o").unwrap();
    put(&mut Rotating::new(path.clone(), 1000, 3), "next");
    assert_eq!(lines(&path), ["whole", "cut o", "next"]);
}

#[test]
fn lines_that_cannot_be_written_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("e.jsonl");
    fs::create_dir(&path).unwrap();
    let mut file = Rotating::new(path.clone(), 1000, 3);
    file.line(|out| out.push_str("one"));
    let (written, result) = file.flush();
    assert!(written == 0 && result.unwrap_err().to_string().contains("e.jsonl"));
    fs::remove_dir(&path).unwrap();
    put_waiting(&mut file);
    assert_eq!(lines(&path), ["one"]);
}

fn put_waiting(file: &mut Rotating) {
    let (written, result) = file.flush();
    assert!(written == 1 && result.is_ok() && file.waiting() == 0);
}

proptest! {
    #[test]
    fn no_line_is_lost_or_split(batches in proptest::collection::vec(proptest::collection::vec(0..60usize, 1..20), 1..10), size in 1..200u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.jsonl");
        let mut file = Rotating::new(path.clone(), size, 1000);
        let mut expected = Vec::new();
        for batch in batches {
            for length in batch {
                let line = format!("{}{}", expected.len(), "x".repeat(length));
                file.line(|out| out.push_str(&line));
                expected.push(line);
            }
            file.flush().1.unwrap();
        }
        let old = (1..1000).rev().map(|number| numbered(&path, number));
        let found: Vec<_> = old.chain([path.clone()]).flat_map(|path| lines(&path)).collect();
        prop_assert_eq!(found, expected);
    }
}
