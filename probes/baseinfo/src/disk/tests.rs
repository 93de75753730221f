//! Rates between two samples.

use super::*;

const SECOND: Duration = Duration::from_secs(2);

fn before() -> Stats {
    Stats { reads: 10, writes: 10, ..Stats::default() }
}

#[test]
fn two_samples_make_rates() {
    let now = Stats {
        reads: 30,
        sectors_read: 400,
        read_ms: 50,
        writes: 14,
        sectors_written: 64,
        write_ms: 6,
        busy_ms: 500,
        queue_ms: 3000,
    };
    let expected = Rates {
        reads: 10.0,
        writes: 2.0,
        read_kb: 100.0,
        written_kb: 16.0,
        read_wait: 2.5,
        write_wait: 1.5,
        read_size: 10.0,
        write_size: 8.0,
        queue: 1.5,
        util: 25.0,
    };
    assert_eq!(rates(&before(), &now, SECOND), Some(expected));
}

#[test]
fn a_disk_at_rest_has_no_latency() {
    let found = rates(&before(), &before(), SECOND).unwrap();
    assert_eq!((found.read_wait, found.write_wait, found.read_size), (0.0, 0.0, 0.0));
}

#[test]
fn a_total_that_goes_back_gives_no_rates() {
    assert_eq!(rates(&before(), &Stats { reads: 9, ..before() }, SECOND), None);
}

#[test]
fn utilisation_is_at_most_all_of_the_time() {
    let now = Stats { busy_ms: 2100, ..before() };
    assert_eq!(rates(&before(), &now, SECOND).unwrap().util, 100.0);
}
