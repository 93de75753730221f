/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reads a connection's own counters and adds what is new to its flow. */
#ifndef FOLD_H
#define FOLD_H

#include <gopher/period.h>

#include "bounds.h"
#include "sockets.h"
#include "waits.h"

PERIOD(flows, struct flow_key, struct flow, 8192)
PERIOD(endpoints, struct flow_key, struct endpoint, 8192)

/* Set by user space. */
bool sweeping = false; /* a pass over all sockets is under way */
bool by_client_port = false;
bool by_connection = false; /* of clients: user space adds them up, when it knows who served each */
__u32 ticks_per_second = 0; /* of jiffies; 0 while it is not known */

/*
 * While a sweep is under way, which sockets somebody reads just now, and since when: it and a connection that closes must
 * not both add the same bytes. A map serves as lock, because these programs may not hold one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64); /* ns */
} claims SEC(".maps");

#define CLAIM_TRIES 8
#define CLAIM_MOST 10000000000ULL /* ns; who has it longer could not give it back */

__u64 lost_ends = 0; /* connections whose rest could not be added when they closed */

enum claimed {
	CLAIMED,
	CLAIM_HELD,    /* somebody else reads it */
	CLAIM_REFUSED, /* by the map: its lock could not be had in time (Linux 6.15) */
};

static __always_inline enum claimed claim(struct sock *sk)
{
	__u64 address = (__u64)sk, now = bpf_ktime_get_ns(), *since;

	if (bpf_map_update_elem(&claims, &address, &now, BPF_NOEXIST) == 0)
		return CLAIMED;
	since = bpf_map_lookup_elem(&claims, &address);
	if (!since)
		return CLAIM_REFUSED;
	if ((__s64)(now - *since) < (__s64)CLAIM_MOST)
		return CLAIM_HELD;
	*since = now;
	return CLAIMED;
}

static __always_inline void release(struct sock *sk)
{
	__u64 address = (__u64)sk;

	for (int i = 0; i < CLAIM_TRIES; i++) {
		if (bpf_map_delete_elem(&claims, &address) == 0)
			return;
	}
}

static __always_inline struct tcp_sock *tcp_of(struct sock *sk, bool typed)
{
	return typed ? bpf_skc_to_tcp_sock(sk) : (struct tcp_sock *)sk;
}

static __always_inline void key_of(struct sock *sk, const struct conn *conn, struct flow_key *key, bool typed)
{
	struct address local = {}, remote = {};
	__u16 here = local_port(sk, typed);
	__u16 there = bpf_ntohs(READ(typed, sk, __sk_common.skc_dport));

	key->family = addresses(sk, &local, &remote, typed);
	key->tgid = conn->tgid;
	key->role = conn->role;
	if (conn->role == ROLE_SERVER) {
		key->client = remote;
		key->server = local;
		key->server_port = here;
		key->client_port = by_client_port ? there : 0;
	} else {
		key->client = local;
		key->server = remote;
		key->server_port = there;
		key->client_port = by_client_port || by_connection ? here : 0;
	}
}

/* The listener's own key: whoever asks, even with an address that is not his, makes no series. */
static __always_inline void listener_key(struct sock *sk, const struct conn *conn, struct flow_key *key)
{
	struct address remote = {};

	key->family = addresses(sk, &key->server, &remote, false);
	key->tgid = conn->tgid;
	key->role = ROLE_SERVER;
	key->server_port = local_port(sk, false);
}

static __always_inline struct flow *flow_at(const struct flow_key *key, const struct conn *conn)
{
	struct flow *flow = flows_of(key);

	if (flow && !flow->comm[0])
		__builtin_memcpy(flow->comm, conn->comm, sizeof(flow->comm));
	return flow;
}

static __always_inline struct flow *flow_of(struct sock *sk, const struct conn *conn, bool typed)
{
	struct flow_key key = {};

	key_of(sk, conn, &key, typed);
	return flow_at(&key, conn);
}

static __always_inline struct endpoint *endpoint_at(struct flow_key *key, const struct conn *conn)
{
	struct endpoint *endpoint;

	if (!by_connection)
		key->client_port = 0;
	endpoint = endpoints_of(key);
	if (endpoint && !endpoint->comm[0])
		__builtin_memcpy(endpoint->comm, conn->comm, sizeof(endpoint->comm));
	return endpoint;
}

/* Handshakes of a connection, or of a listener. */
static __always_inline struct endpoint *endpoint_of(struct sock *sk, const struct conn *conn, bool typed)
{
	struct flow_key key = {};

	if (conn->role == ROLE_LISTENER)
		listener_key(sk, conn, &key);
	else
		key_of(sk, conn, &key, typed);
	return endpoint_at(&key, conn);
}

static __always_inline void add(__u64 *counter, __u64 more)
{
	if (more)
		__sync_fetch_and_add(counter, more);
}

static __always_inline void count_endpoint(struct sock *sk, const struct conn *conn, enum endpoint_count which, __u64 more)
{
	struct endpoint *endpoint = endpoint_of(sk, conn, false);

	if (endpoint)
		add(&endpoint->counts[which], more);
}

/* Kept beside the socket, which costs less than to look for the flow; of one that is closed nobody would fold it. */
static __always_inline void count_anomaly(struct sock *sk, struct conn *conn, enum count which)
{
	struct flow *flow;

	if (!conn->closed) {
		__sync_fetch_and_add(&conn->anomaly[which - COUNT_BACKLOG_DROPS], 1);
		__sync_fetch_and_add(&conn->anomalies, 1);
		return;
	}
	flow = flow_of(sk, conn, false);
	if (flow)
		add(&flow->counts[which], 1);
}

static __always_inline void read_counters(struct tcp_sock *tp, struct folded *now, bool typed)
{

	now->tx_bytes = READ(typed, tp, bytes_sent) - READ(typed, tp, bytes_retrans);
	now->rx_bytes = READ(typed, tp, bytes_received);
	/* The kernel counts the peer's FIN as a byte. */
	now->rx_bytes -= (READ(typed, tp, inet_conn.icsk_inet.sk.__sk_common.skc_flags) >> SOCK_DONE) & 1;
	now->segs_in = READ(typed, tp, segs_in);
	now->segs_out = READ(typed, tp, segs_out);
	now->retrans = READ(typed, tp, total_retrans);
	now->drops = READ(typed, tp, inet_conn.icsk_inet.sk.sk_drops.counter);
	now->lost = READ(typed, tp, lost_out);
}

/* Windows, times and buffers as they are now. */
static __always_inline void look(struct tcp_sock *tp, struct flow *flow, bool typed)
{
	__u32 una = READ(typed, tp, snd_una), nxt = READ(typed, tp, snd_nxt), wnd = READ(typed, tp, snd_wnd);
	__u32 rcv_wnd = READ(typed, tp, rcv_wnd), hz = ticks_per_second;
	__s32 notsent = READ(typed, tp, write_seq) - nxt, notack = nxt - una, left = una + wnd - nxt;
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;

#define OBSERVE(measure, value) observe(&flow->measures[measure], bounds_of[measure], value)
	OBSERVE(MEASURE_SND_CWND, READ(typed, tp, snd_cwnd));
	OBSERVE(MEASURE_NOTSENT, notsent > 0 ? notsent : 0);
	OBSERVE(MEASURE_NOTACK, notack > 0 ? notack : 0);
	OBSERVE(MEASURE_REORDERING, READ(typed, tp, reordering));
	OBSERVE(MEASURE_SND_WND, wnd);
	OBSERVE(MEASURE_RCV_WND, rcv_wnd);
	OBSERVE(MEASURE_AVL_SND_WND, left > 0 ? left : 0);
	OBSERVE(MEASURE_RCVBUF, READ(typed, tp, inet_conn.icsk_inet.sk.sk_rcvbuf));
	OBSERVE(MEASURE_SNDBUF, READ(typed, tp, inet_conn.icsk_inet.sk.sk_sndbuf));
	if (hz) {
		OBSERVE(MEASURE_RTO, (__u64)READ(typed, tp, inet_conn.icsk_rto) * 1000 / hz);
		/* A bit field in some kernels. */
		OBSERVE(MEASURE_ATO, (__u64)BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ack.ato) * 1000 / hz);
	}
	add(&flow->counts[COUNT_LOOKS], 1);
	add(&flow->counts[COUNT_ZERO_RCV_WND], rcv_wnd == 0);
	add(&flow->counts[COUNT_ZERO_SND_WND], wnd == 0);
}

static __always_inline void fold_listener(struct sock *sk, struct conn *conn, __u32 drops)
{
	if (drops != conn->folded.drops)
		count_endpoint(sk, conn, ENDPOINT_LISTEN_DROPS, (__u32)(drops - conn->folded.drops));
	conn->folded.drops = drops;
}

static __always_inline void fold_anomalies(struct conn *conn, struct flow *flow)
{
	conn->told_anomalies = conn->anomalies;
#pragma unroll
	for (int i = 0; i < ANOMALIES; i++) {
		__u32 now = conn->anomaly[i];

		add(&flow->counts[COUNT_BACKLOG_DROPS + i], (__u32)(now - conn->told_anomaly[i]));
		conn->told_anomaly[i] = now;
	}
}

static __always_inline void fold_handshake(struct conn *conn, struct flow_key *key, __u8 news)
{
	struct endpoint *endpoint = endpoint_at(key, conn);
	bool client = conn->role == ROLE_CLIENT;

	if (!endpoint)
		return;
	if (news & HANDSHAKE_BEGUN)
		add(&endpoint->counts[ENDPOINT_SYN_SENT], 1);
	if (news & HANDSHAKE_DONE) {
		add(&endpoint->counts[client ? ENDPOINT_ACTIVE_OPEN : ENDPOINT_PASSIVE_OPEN], 1);
		if (conn->latency || !client)
			observe(&endpoint->latency, bounds_latency, conn->latency);
	}
	if (news & HANDSHAKE_FAILED)
		add(&endpoint->counts[client ? ENDPOINT_ACTIVE_FAILED : ENDPOINT_PASSIVE_FAILED], 1);
	if (news & ~HANDSHAKE_BEGUN)
		add(&endpoint->counts[ENDPOINT_RETRANS_SYN], conn->retransmitted_syn);
}

static __always_inline void fold_counters(struct tcp_sock *tp, struct folded *last, struct flow *flow, bool typed, bool sweep)
{
	struct folded now = {};
	__u32 sacked, rtt;

	read_counters(tp, &now, typed);
	add(&flow->counts[COUNT_RX_BYTES], now.rx_bytes - last->rx_bytes);
	add(&flow->counts[COUNT_TX_BYTES], now.tx_bytes - last->tx_bytes);
	add(&flow->counts[COUNT_SEGS_IN], (__u32)(now.segs_in - last->segs_in));
	add(&flow->counts[COUNT_SEGS_OUT], (__u32)(now.segs_out - last->segs_out));
	add(&flow->counts[COUNT_RETRANS], (__u32)(now.retrans - last->retrans));
	add(&flow->counts[COUNT_SK_DROPS], (__u32)(now.drops - last->drops));
	if ((__s32)(now.lost - last->lost) > 0)
		add(&flow->counts[COUNT_LOST], now.lost - last->lost);
	sacked = READ(typed, tp, sacked_out);
	if (sacked > flow->sacked_max)
		flow->sacked_max = sacked;
	if (now.segs_in != last->looked) {
		rtt = READ(typed, tp, srtt_us) >> 3;
		if (rtt)
			OBSERVE(MEASURE_SRTT, rtt);
		rtt = READ(typed, tp, rcv_rtt_est.rtt_us) >> 3;
		if (rtt)
			OBSERVE(MEASURE_RCV_RTT, rtt);
		if (sweep)
			look(tp, flow, typed);
		now.looked = now.segs_in;
	} else {
		now.looked = last->looked;
	}
	*last = now;
}

static __always_inline bool same_counters(struct tcp_sock *tp, const struct folded *last, bool typed)
{
	return READ(typed, tp, segs_in) == last->segs_in && READ(typed, tp, segs_out) == last->segs_out &&
	       READ(typed, tp, total_retrans) == last->retrans &&
	       READ(typed, tp, inet_conn.icsk_inet.sk.sk_drops.counter) == last->drops;
}

/* What is new since the last time. SWEEP: the connection lives, and its windows are looked at too. */
static __always_inline void fold(struct sock *sk, struct conn *conn, bool typed, bool sweep)
{
	struct tcp_sock *tp = tcp_of(sk, typed);
	struct flow_key key = {};
	struct flow *flow;
	bool same;
	__u8 news;

	if (!tp)
		return;
	if (conn->role == ROLE_LISTENER) {
		fold_listener(sk, conn, READ(typed, tp, inet_conn.icsk_inet.sk.sk_drops.counter));
		return;
	}
	fold_delays(sk, conn, typed);
	same = same_counters(tp, &conn->folded, typed);
	news = conn->reached & ~conn->told;
	if (same && !news && conn->anomalies == conn->told_anomalies)
		return;
	key_of(sk, conn, &key, typed);
	flow = flow_at(&key, conn);
	if (!flow)
		return;
	if (conn->anomalies != conn->told_anomalies)
		fold_anomalies(conn, flow);
	if (!same)
		fold_counters(tp, &conn->folded, flow, typed, sweep);
	if (!news)
		return;
	conn->told |= news;
	if (news & HANDSHAKE_DONE)
		OBSERVE(MEASURE_SYN_SRTT, conn->syn_srtt);
	fold_handshake(conn, &key, news);
}

/* The connection ends: the rest of it. Where a sweep reads it just now, that one takes the rest too. */
static __always_inline void settle(struct sock *sk, struct conn *conn)
{
	enum claimed claimed = CLAIM_REFUSED;

	conn->closed = 1;
	/* Who begins a sweep waits until no program runs any more that has found none. */
	if (!sweeping) {
		fold(sk, conn, true, false);
		return;
	}
	for (int i = 0; i < CLAIM_TRIES; i++) {
		claimed = claim(sk);
		if (claimed == CLAIMED) {
			fold(sk, conn, true, false);
			release(sk);
			return;
		}
	}
	if (claimed == CLAIM_REFUSED)
		__sync_fetch_and_add(&lost_ends, 1);
}

#endif
