//! Counters and looks equal the kernel's own, as `ss` and `nstat` show them, whatever the network does.

use super::{NET, agrees};

#[test]
fn segments_are_those_that_ss_tells_of() {
    agrees(&NET, "cable/segments_of_an_open_connection");
}

#[test]
fn all_segments_of_a_namespace_are_told_of() {
    agrees(&NET, "cable/all_segments_of_connections");
}

#[test]
fn round_trip_times_windows_and_buffers_are_those_that_ss_tells_of() {
    agrees(&NET, "cable/a_look_at_a_slow_connection");
}

#[test]
fn segments_sent_again_are_counted_as_the_kernel_does() {
    agrees(&NET, "cable/segments_that_get_lost");
}

#[test]
fn segments_that_fit_no_window_are_dropped_as_ss_tells() {
    agrees(&NET, "faults/segments_out_of_the_window");
}

#[test]
fn what_a_full_backlog_drops_is_counted_as_the_kernel_does() {
    agrees(&NET, "faults/a_backlog_that_is_full");
}

#[test]
fn connections_given_up_are_counted_as_the_kernel_does() {
    agrees(&NET, "faults/a_peer_that_is_gone");
}

#[test]
fn a_window_of_zero_is_told_on_both_sides() {
    agrees(&NET, "faults/windows_of_zero");
}

#[test]
fn segments_for_which_there_is_no_memory_are_counted_as_the_kernel_does() {
    agrees(&NET, "faults/receive_buffers_that_shrink");
}

#[test]
fn handshakes_last_as_long_as_ss_tells() {
    agrees(&NET, "cable/a_slow_handshake");
}

#[test]
fn answers_sent_again_are_counted_as_the_kernel_does() {
    agrees(&NET, "faults/a_request_that_nobody_completes");
}
