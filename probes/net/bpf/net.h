/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs and user space share: keys and sums of a period. */
#ifndef NET_H
#define NET_H

#define SLOTS 16 /* of a histogram: 15 bounds, and what is above them */

enum role {
	ROLE_CLIENT = 1,
	ROLE_SERVER = 2,
	ROLE_LISTENER = 3,
	ROLE_UDP = 4,
};

/* An IPv4 address is in the first four bytes. */
struct address {
	__u8 bytes[16];
};

/* Whose connections are added up. All zero: those that found no place of their own. */
struct flow_key {
	__u32 tgid;
	__u16 role;
	__u16 family;
	__u16 server_port;
	__u16 client_port; /* 0 unless asked for */
	struct address client;
	struct address server;
};

struct histogram {
	__u64 sum;
	__u64 max;
	__u32 slots[SLOTS];
};

/* Histograms of a flow, in the order of `bounds_of`. */
enum measure {
	MEASURE_SRTT,
	MEASURE_RCV_RTT,
	MEASURE_SYN_SRTT,
	MEASURE_SND_CWND,
	MEASURE_NOTSENT,
	MEASURE_NOTACK,
	MEASURE_REORDERING,
	MEASURE_SND_WND,
	MEASURE_RCV_WND,
	MEASURE_AVL_SND_WND,
	MEASURE_RTO,
	MEASURE_ATO,
	MEASURE_RCVBUF,
	MEASURE_SNDBUF,
	MEASURES,
};

/* Counters of a flow. */
enum count {
	COUNT_RX_BYTES,
	COUNT_TX_BYTES,
	COUNT_SEGS_IN,
	COUNT_SEGS_OUT,
	COUNT_RETRANS,
	COUNT_SK_DROPS,
	COUNT_LOST,
	COUNT_BACKLOG_DROPS, /* the first of the anomalies */
	COUNT_FILTER_DROPS,
	COUNT_TIMEOUTS,
	COUNT_SND_LIMIT,
	COUNT_RCV_LIMIT,
	COUNT_OOM,
	COUNT_RESETS_SENT,
	COUNT_RESETS_RECEIVED,
	COUNT_LOOKS,
	COUNT_ZERO_RCV_WND,
	COUNT_ZERO_SND_WND,
	COUNTS,
};

#define ANOMALIES (COUNT_LOOKS - COUNT_BACKLOG_DROPS)

struct flow {
	__u8 comm[16];
	__u64 counts[COUNTS];
	__u64 sacked_max;
	struct histogram measures[MEASURES];
};

/* Delays of data; client_port and the client's or server's own address are 0. */
struct delays {
	struct histogram sys; /* ns */
	struct histogram net; /* ns */
};

enum endpoint_count {
	ENDPOINT_LISTEN_DROPS,
	ENDPOINT_ACCEPT_OVERFLOW,
	ENDPOINT_SYN_OVERFLOW,
	ENDPOINT_PASSIVE_OPEN,
	ENDPOINT_PASSIVE_FAILED,
	ENDPOINT_RETRANS_SYNACK,
	ENDPOINT_RETRANS_SYN,
	ENDPOINT_REQUEST_DROPS,
	ENDPOINT_ACTIVE_OPEN,
	ENDPOINT_ACTIVE_FAILED,
	ENDPOINT_SYN_SENT,
	ENDPOINT_SYN_DROP,
	ENDPOINT_SYNACK_SENT,
	ENDPOINT_COUNTS,
};

/* Handshakes: of a listener (client all zero) or of a pair of addresses. */
struct endpoint {
	__u8 comm[16];
	__u64 counts[ENDPOINT_COUNTS];
	struct histogram latency; /* ns */
};

/* UDP: in its key, server is the peer, client this side. */
struct datagrams {
	__u8 comm[16];
	__u64 sent;
	__u64 received;
	__u64 dropped;
};

#endif
