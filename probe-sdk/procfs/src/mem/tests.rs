//! Memory files of several kernels.

use std::hint::black_box;

use proptest::prelude::*;

use super::*;

const OLD: &[u8] = include_bytes!("../../testdata/4.19-x86/meminfo");
const NEW: &[u8] = include_bytes!("../../testdata/6.18-x86/meminfo");
const VMALLOC: &[u8] = include_bytes!("../../testdata/4.19-x86/vmallocinfo");

#[test]
fn every_line_of_both_kernels_is_read() {
    let old = meminfo(OLD);
    assert_eq!((old.total, old.huge_pages_total, old.vmalloc_used), (Some(16_265_900), Some(64), Some(0)));
    let new = meminfo(NEW);
    assert_eq!((new.slab_unreclaimable, new.vmalloc_used), (Some(60_100), Some(14_300)));
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let mut turned: Vec<&[u8]> = lines(OLD).collect();
    turned.reverse();
    assert_eq!(meminfo(&turned.join(&b'\n')), meminfo(OLD));
}

#[test]
fn a_missing_line_leaves_the_others() {
    let text = b"MemTotal: 100 kB\nCached: 7 kB\n";
    let found = meminfo(text);
    assert_eq!((found.total, found.free, found.cached), (Some(100), None, Some(7)));
}

#[test]
fn only_areas_of_vmalloc_count_and_without_their_guard_page() {
    assert_eq!(lines(VMALLOC).filter_map(vmalloc_pages).collect::<Vec<_>>(), [4, 32]);
}

#[test]
fn dentries_are_the_first_three_columns() {
    let found = dentry_state(b"201234\t180000\t45\t0\t1200\t0\n").unwrap();
    assert_eq!(found, Dentries { allocated: 201_234, unused: 180_000, age_limit: 45 });
    assert_eq!(dentry_state(b"1 2"), None);
}

proptest! {
    #[test]
    fn nothing_panics(text in "(MemTotal:|pages=|vmalloc|[ :\t\n]|[0-9]{1,22}|\\PC){0,60}") {
        black_box(meminfo(text.as_bytes()));
        black_box(vmalloc_pages(text.as_bytes()));
        black_box(dentry_state(text.as_bytes()));
    }
}
