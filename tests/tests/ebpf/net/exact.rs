//! Counters and looks equal the kernel's own, as `ss` and `nstat` show them, whatever the network does. Cases that belong
//! together wait for the end of a period together.

use super::{NET, all_agree};

#[test]
fn segments_are_those_that_ss_and_the_namespace_tell_of_and_losses_too() {
    all_agree(
        &NET,
        &[
            "cable/segments_of_an_open_connection",
            "cable/all_segments_of_connections",
            "cable/segments_that_get_lost",
        ],
    );
}

#[test]
fn round_trip_times_windows_and_buffers_are_those_that_ss_tells_of() {
    all_agree(
        &NET,
        &["cable/a_look_at_a_slow_connection", "cable/a_slow_handshake", "faults/windows_of_zero"],
    );
}

#[test]
fn drops_are_counted_as_the_kernel_does() {
    all_agree(
        &NET,
        &[
            "faults/segments_out_of_the_window",
            "faults/a_backlog_that_is_full",
            "faults/receive_buffers_that_shrink",
        ],
    );
}

#[test]
fn what_is_given_up_is_counted_as_the_kernel_does() {
    all_agree(&NET, &["faults/a_peer_that_is_gone", "faults/a_request_that_nobody_completes"]);
}
