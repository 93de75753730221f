//! Utilisation and the assignment of lines to CPUs.

use super::*;

fn times(user: u64, idle: u64, iowait: u64) -> Times {
    Times { user, idle, iowait, ..Times::default() }
}

#[test]
fn utilisation_is_used_time_over_all_time() {
    assert_eq!(utilisation(&times(100, 100, 0), &times(125, 150, 25)), Some(25.0));
}

#[test]
fn without_time_there_is_no_utilisation() {
    assert_eq!(utilisation(&times(1, 1, 1), &times(1, 1, 1)), None);
}

#[test]
fn iowait_that_goes_back_does_not_count() {
    assert_eq!(utilisation(&times(0, 0, 50), &times(50, 50, 40)), Some(50.0));
}

#[test]
fn steal_counts_as_used_and_guest_is_not_counted_twice() {
    let now = Times { user: 10, steal: 10, idle: 20, ..Times::default() };
    assert_eq!(utilisation(&Times::default(), &now), Some(50.0));
}

#[test]
fn an_old_kernels_backlog_goes_by_the_place_among_the_cpus_online() {
    let line = |cpu, dropped| Softnet { cpu, dropped, received_rps: None };
    let old = [line(None, 7), line(None, 8)];
    assert_eq!(backlog_of(&old, 1, 2).unwrap().dropped, 8);
    let new = [line(Some(0), 7), line(Some(2), 8)];
    assert_eq!(backlog_of(&new, 1, 2).unwrap().dropped, 8);
    assert_eq!(backlog_of(&new, 1, 1), None);
}
