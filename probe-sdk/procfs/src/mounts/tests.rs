//! Mounts with blanks, escapes and optional fields.

use proptest::prelude::*;

use super::*;

fn all(bytes: &[u8]) -> Vec<Mount<'_>> {
    let mut all = Vec::new();
    mountinfo(bytes, |mount| all.push(mount));
    all
}

fn plain(text: &[u8]) -> String {
    let mut out = Vec::new();
    unescape(text, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn any_number_of_optional_fields_is_stepped_over() {
    let all = all(include_bytes!("../../testdata/6.18-x86/mountinfo"));
    let types: Vec<_> = all.iter().map(|m| std::str::from_utf8(m.fs_type).unwrap()).collect();
    assert_eq!(types, ["ext4", "proc", "xfs", "nfs4", "tmpfs"]);
    assert_eq!((all[2].device, all[2].root), (&b"8:17"[..], &b"/data"[..]));
    assert_eq!(plain(all[2].mount_point), "/mnt/my disk\\a");
    assert_eq!(plain(all[3].mount_point), "/mnt/nfs\ttab");
    assert_eq!(plain(all[3].source), "server:/export one");
}

#[test]
fn read_only_is_either_the_mount_or_the_file_system() {
    let all = all(include_bytes!("../../testdata/6.18-x86/mountinfo"));
    assert_eq!(all.iter().map(|m| m.read_only).collect::<Vec<_>>(), [false, false, true, true, false]);
}

#[test]
fn what_is_no_escape_stays() {
    assert_eq!(plain(b"a\\b\\09\\777\\04"), "a\\b\\09\\777\\04");
}

proptest! {
    #[test]
    fn nothing_panics(text in "(- |[ \n/,]|ro|\\\\[0-9]{0,4}|\\PC){0,60}") {
        for mount in all(text.as_bytes()) {
            unescape(mount.mount_point, &mut Vec::new());
        }
        unescape(text.as_bytes(), &mut Vec::new());
    }
}
