//! Files of processes, hostile names included.

use std::fs::File;
use std::hint::black_box;

use proptest::prelude::*;

use super::*;

#[test]
fn a_name_may_hold_blanks_and_brackets() {
    let found = stat(include_bytes!("../../testdata/4.19-x86/pid_stat")).unwrap();
    assert_eq!((found.pid, found.comm, found.state), (1234, &b"a b) c"[..], b'S'));
    assert_eq!((found.ppid, found.pgid), (1, 1234));
    assert_eq!((found.minor_faults, found.major_faults), (5000, 7));
    assert_eq!((found.utime, found.stime, found.cutime, found.cstime), (120, 45, 30, 15));
    assert_eq!((found.priority, found.nice, found.num_threads), (20, 0, 3));
    assert_eq!((found.start_time, found.vm_size, found.rss), (889_900, 268_435_456, 2500));
    assert_eq!((found.cpu, found.guest_time), (Some(1), Some(40)));
}

#[test]
fn priorities_below_zero_stay_below_zero() {
    let found = stat(include_bytes!("../../testdata/6.18-x86/pid_stat")).unwrap();
    assert_eq!((found.comm, found.priority, found.nice), (&b"rt\nloop"[..], -51, -20));
}

#[test]
fn what_is_cut_is_none() {
    assert_eq!(stat(b""), None);
    assert_eq!(stat(b"1 (a) S 1 1"), None);
    assert_eq!(stat(b"1 )a( S 1 1"), None);
}

#[test]
fn io_and_smaps_go_by_names() {
    let found = io(include_bytes!("../../testdata/6.18-x86/pid_io"));
    assert_eq!(
        (found.rchar, found.write_bytes, found.cancelled_write_bytes),
        (Some(1948), Some(8192), Some(0))
    );
    let found = smaps_rollup(include_bytes!("../../testdata/4.19-x86/smaps_rollup"));
    assert_eq!((found.shared_clean, found.lazy_free, found.swap_pss), (Some(1500), Some(8), Some(6)));
    assert_eq!(smaps_rollup(b""), Smaps::default());
}

#[test]
fn the_limit_of_files_is_the_soft_one() {
    let limits = include_bytes!("../../testdata/4.19-x86/limits");
    assert_eq!(open_files_limit(limits), Some(Limit::AtMost(1024)));
    let unlimited = b"Max open files            unlimited            unlimited            files\n";
    assert_eq!(open_files_limit(unlimited), Some(Limit::Unlimited));
    assert_eq!(open_files_limit(b"Max open files\n"), None);
}

#[test]
fn descriptors_of_this_process_are_counted() {
    let folder = Path::new("/proc/self/fd");
    let held: Vec<File> = (0..40).map(|_| File::open("/dev/null").unwrap()).collect();
    // By the folder's size where the kernel gives one, and by its names as on older ones.
    for mut counter in [FdCounter::default(), FdCounter { by_size: false, folder: Folder::default() }] {
        let with = counter.count(folder).unwrap();
        assert!(with >= 43, "{with}");
    }
    drop(held);
}

proptest! {
    #[test]
    fn nothing_panics(text in "([()]|[ :\n]|-?[0-9]{1,22}|Max open files|rchar|\\PC){0,80}") {
        black_box(stat(text.as_bytes()));
        black_box(io(text.as_bytes()));
        black_box(smaps_rollup(text.as_bytes()));
        black_box(open_files_limit(text.as_bytes()));
    }

    #[test]
    fn any_name_is_kept_apart_from_the_numbers(comm in proptest::collection::vec(any::<u8>(), 0..16)) {
        let mut line = b"5 (".to_vec();
        line.extend_from_slice(&comm);
        line.extend_from_slice(b") R 1 2 3 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99 100 101 0 0 0 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0\n");
        let found = stat(&line).unwrap();
        prop_assert_eq!(found.comm, &comm[..]);
        prop_assert_eq!((found.start_time, found.cpu), (99, Some(3)));
    }
}

#[test]
fn open_sockets_are_told_by_their_inodes() {
    use std::os::fd::AsRawFd as _;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
    let mut found = Vec::new();
    sockets(&mut Folder::default(), Path::new("/proc/self/fd"), |inode| found.push(inode)).unwrap();
    assert!(
        found.iter().any(|inode| link.to_str() == Some(&format!("socket:[{inode}]"))),
        "{link:?}: {found:?}"
    );
}
