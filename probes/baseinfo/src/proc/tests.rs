//! Shares of CPU time and of descriptors.

use super::*;

const SYSTEM: System = System { ticks_per_second: 100, page_size: 4096 };

#[test]
fn shares_are_of_one_cpu_and_user_time_is_without_guests() {
    let at = Instant::now();
    let before = Times { utime: 100, stime: 50, guest: 20, at };
    let now = Times { utime: 300, stime: 100, guest: 120, at: at + Duration::from_secs(2) };
    let expected = Usage { all: Some(125.0), user: Some(50.0), system: Some(25.0) };
    assert_eq!(usage(&before, &now, &SYSTEM), expected);
}

#[test]
fn without_time_there_is_no_share() {
    let times = Times { utime: 1, stime: 1, guest: 0, at: Instant::now() };
    assert_eq!(usage(&times, &times, &SYSTEM), Usage::default());
}

#[test]
fn descriptors_left_are_never_below_zero() {
    assert_eq!(fd_free((Limit::AtMost(10), 4)), Some(60.0));
    assert_eq!(fd_free((Limit::AtMost(10), 12)), Some(0.0));
    assert_eq!(fd_free((Limit::AtMost(0), 3)), None);
    assert_eq!(fd_free((Limit::Unlimited, 3)), Some(100.0));
}

#[test]
fn a_process_that_has_ended_is_no_failure() {
    for errno in [Errno::ESRCH, Errno::ENOENT] {
        assert!(has_ended(&errno.into()));
    }
    assert!(!has_ended(&Errno::EACCES.into()));
}
