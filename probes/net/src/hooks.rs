//! By which hooks the probe sees what its items tell.

use probe_bpf::{Capability, Fidelity, Hook};

const fn exact(programs: &'static [&'static str]) -> Hook {
    Hook { programs, fidelity: Fidelity::Exact }
}

const fn near(programs: &'static [&'static str], why: &'static str) -> Hook {
    Hook { programs, fidelity: Fidelity::Approximate(why) }
}

const RESETS: &str = "counted where the connection sends a reset";
const TRIES: &str = "counted at each try; a segment for which memory is asked for twice counts twice";
const LAST_REPEAT: &str = "counted at the last repetition; a client that answers after it is counted too";
const MADE: &str = "counted when they are made; one that cannot be sent is counted too";
const COUNTED: &[&str] = &["tcp_abnormal", "tcp_rtt", "tcp_windows", "tcp_rate", "tcp_sockbuf", "tcp_stats"];
const ABNORMAL: &[&str] = &["tcp_abnormal"];
const DELAY: &[&str] = &["tcp_delay"];
const HANDSHAKE: &[&str] = &["tcp_socket"];
const UDP: &[&str] = &["udp_socket"];

/// What it wants to see.
pub(crate) static CAPABILITIES: &[Capability] = &[
    Capability { name: "connections", items: &[], hooks: &[exact(&["state", "destroyed"])] },
    Capability {
        name: "open_sockets",
        items: &[],
        hooks: &[exact(&["adopt"]), exact(&["adopt_by_address"])],
    },
    Capability {
        name: "counters",
        items: COUNTED,
        hooks: &[exact(&["sweep"]), exact(&["sweep_by_address"])],
    },
    Capability { name: "resets_sent", items: ABNORMAL, hooks: &[exact(&["reset_sent"])] },
    Capability { name: "resets_received", items: ABNORMAL, hooks: &[exact(&["reset_received"])] },
    Capability {
        name: "out_of_memory",
        items: ABNORMAL,
        hooks: &[exact(&["oom_exit"]), near(&["oom_reset"], RESETS)],
    },
    Capability { name: "memory_limit", items: ABNORMAL, hooks: &[exact(&["limit"])] },
    Capability {
        name: "receive_memory",
        items: ABNORMAL,
        hooks: &[exact(&["dropped"]), exact(&["receive_memory_exit"]), near(&["receive_limit"], TRIES)],
    },
    Capability {
        name: "filter_drops",
        items: ABNORMAL,
        hooks: &[exact(&["dropped"]), exact(&["filter_exit"])],
    },
    Capability {
        name: "backlog_drops",
        items: ABNORMAL,
        hooks: &[exact(&["dropped"]), exact(&["backlog_exit_reason"]), exact(&["backlog_exit"])],
    },
    Capability {
        name: "delays",
        items: DELAY,
        hooks: &[
            exact(&["segment", "sent_length", "received_length"]),
            exact(&["segment", "sent_exit", "received_exit"]),
        ],
    },
    Capability { name: "repeated_answers", items: HANDSHAKE, hooks: &[exact(&["synack_again"])] },
    Capability { name: "request_drops", items: HANDSHAKE, hooks: &[near(&["synack_again"], LAST_REPEAT)] },
    Capability {
        name: "overflows",
        items: HANDSHAKE,
        hooks: &[exact(&["request_entry"]), exact(&["request_packet"])],
    },
    Capability {
        name: "answers",
        items: HANDSHAKE,
        // Many kernels do not run the second for IPv6 (`__sk == skb_to_full_sk(skb)` of include/linux/bpf-cgroup.h is new).
        hooks: &[near(&["answer_made"], MADE), exact(&["answer_packet"])],
    },
    Capability {
        name: "unreached",
        items: HANDSHAKE,
        hooks: &[exact(&["unreached"]), exact(&["unreached_v4", "unreached_v6"])],
    },
    Capability {
        name: "datagrams",
        items: UDP,
        hooks: &[
            exact(&["udp_sent_v4", "udp_sent_v6", "udp_received_v4_six", "udp_received_v6_six"]),
            exact(&["udp_sent_v4", "udp_sent_v6", "udp_received_v4", "udp_received_v6"]),
            exact(&["udp_sent_length", "udp_received_length"]),
        ],
    },
    Capability {
        name: "datagram_drops",
        items: UDP,
        hooks: &[exact(&["udp_full"]), exact(&["udp_full_exit"])],
    },
];
