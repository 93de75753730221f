//! Disk statistics of several kernels.

use proptest::prelude::*;

use super::*;

fn all(bytes: &[u8]) -> Vec<(&[u8], Disk)> {
    let mut all = Vec::new();
    diskstats(bytes, |name, disk| all.push((name, disk)));
    all
}

#[test]
fn disks_have_their_columns_and_short_lines_are_left_out() {
    let all = all(include_bytes!("../../testdata/4.19-x86/diskstats"));
    assert_eq!(all.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [&b"sda"[..], b"sda1", b"dm-0"]);
    let sda = Disk {
        reads: 101_741,
        sectors_read: 6_718_082,
        read_ms: 63_761,
        writes: 15_453,
        sectors_written: 3_491_240,
        write_ms: 13_084,
        busy_ms: 18_668,
        queue_ms: 77_470,
    };
    assert_eq!(all[0].1, sda);
}

#[test]
fn more_columns_of_newer_kernels_do_not_disturb() {
    let line = b" 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 5193 4 381480 570 1184 53\n";
    assert_eq!((all(line)[0].1.busy_ms, all(line)[0].1.queue_ms), (10, 11));
}

proptest! {
    #[test]
    fn nothing_panics(text in "(sda|[ \n]|[0-9]{1,22}|\\PC){0,60}") {
        all(text.as_bytes());
    }
}
