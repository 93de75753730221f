//! Usage as df counts it.

use super::*;

const SPACE: Space =
    Space { block_size: 4096, blocks: 1000, free: 400, available: 350, inodes: 100, inodes_free: 75 };

#[test]
fn space_kept_for_root_is_not_free() {
    let found = usage(&SPACE);
    assert_eq!((found.used, found.free), (2400, 1400));
    assert_eq!(found.used_percent, Some(100.0 * 600.0 / 950.0));
    assert_eq!(found.inodes, Some(Inodes { all: 100, used: 25, free: 75 }));
}

#[test]
fn a_file_system_without_inodes_has_no_inode_values() {
    let found = usage(&Space { inodes: 0, inodes_free: 0, ..SPACE });
    assert_eq!((found.inodes, found.used), (None, 2400));
}

#[test]
fn a_negative_rest_for_users_is_zero() {
    assert_eq!(usage(&Space { free: 10, available: 0, ..SPACE }).used_percent, Some(100.0));
}

#[test]
fn in_a_container_mounts_are_reached_below_the_root() {
    assert_eq!(reach(&Root::new("/host"), b"/mnt/a b").as_ref(), Path::new("/host/mnt/a b"));
    assert_eq!(reach(&Root::default(), b"/").as_ref(), Path::new("/"));
}
