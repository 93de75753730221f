/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From the first packet of a connection to its last: owner, role, outcome of the handshake, end. */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "fold.h"

static __always_inline void connecting(struct sock *sk)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct conn *conn;

	if (!in_scope(current_number()))
		return;
	conn = conn_new(sk);
	if (!conn)
		return;
	/* It may have been connected before. */
	waiting_forget(sk);
	begin(conn, ROLE_CLIENT);
	own(conn, task);
	conn->bound = 1;
	conn->since = bpf_ktime_get_ns();
	conn->reached = HANDSHAKE_BEGUN;
	/* The one counter that connecting again does not begin anew (tcp_disconnect()). */
	conn->folded.drops = sk->sk_drops.counter;
}

static __always_inline void listening(struct sock *sk)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct port port = port_of(sk);
	struct listener listener = {};
	struct conn *conn;

	if (!in_scope(current_number()))
		return;
	conn = conn_new(sk);
	if (!conn)
		return;
	own(conn, task);
	conn->role = ROLE_LISTENER;
	conn->folded.drops = BPF_CORE_READ(sk, sk_drops.counter);
	listener.tgid = conn->tgid;
	__builtin_memcpy(listener.comm, conn->comm, sizeof(listener.comm));
	bpf_map_update_elem(&listeners, &port, &listener, BPF_ANY);
}

/* A listener's new connection; the kernel has cloned what is kept of the listener. */
static __always_inline void arriving(struct sock *sk)
{
	struct conn *conn;

	if (beside) {
		conn = conn_of(sk);
		if (!conn)
			return;
	} else {
		struct port port = port_of(sk);
		struct listener *listener = bpf_map_lookup_elem(&listeners, &port);

		if (!listener || !in_scope(listener->tgid))
			return;
		conn = conn_new(sk);
		if (!conn)
			return;
		conn->tgid = listener->tgid;
		__builtin_memcpy(conn->comm, listener->comm, sizeof(conn->comm));
	}
	begin(conn, ROLE_SERVER);
	conn->bound = 0;
	__sync_fetch_and_add(&unbound, 1);
}

static __always_inline void established(struct sock *sk, int old)
{
	struct conn *conn = conn_of(sk);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!conn || !tp)
		return;
	conn->syn_srtt = tp->srtt_us >> 3;
	if (old == TCP_SYN_SENT) {
		conn->retransmitted_syn = tp->total_retrans;
		/* Of a handshake that was under way before us the begin is not known. */
		if (conn->since)
			conn->latency = bpf_ktime_get_ns() - conn->since;
	} else {
		conn->latency = (__u64)conn->syn_srtt * 1000;
	}
	conn->reached |= HANDSHAKE_DONE;
}

/* The application closes: whoever does is who used the connection. */
static __always_inline void leaving(struct sock *sk)
{
	struct conn *conn = conn_of(sk);

	if (conn && !conn->bound && in_scope(current_number())) {
		own(conn, (struct task_struct *)bpf_get_current_task());
		conn->bound = 1;
	}
}

/* Given up for lack of an answer: the kernel tells of a time-out, or of what it has heard meanwhile (tcp_write_err). */
static __always_inline bool timed_out(struct sock *sk)
{
	return sk->sk_err == ETIMEDOUT || (sk->sk_err && sk->sk_err == sk->sk_err_soft);
}

static __always_inline void ended(struct sock *sk, int old)
{
	struct conn *conn = conn_of(sk);
	struct tcp_sock *tp;

	if (!conn)
		return;
	if (old == TCP_SYN_SENT || old == TCP_SYN_RECV)
		conn->reached |= HANDSHAKE_FAILED;
	if (old == TCP_SYN_SENT) {
		tp = bpf_skc_to_tcp_sock(sk);
		if (tp)
			conn->retransmitted_syn = tp->total_retrans;
	}
	if (conn->role != ROLE_LISTENER && timed_out(sk))
		count_anomaly(sk, conn, COUNT_TIMEOUTS);
	settle(sk, conn);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(state, struct sock *sk, int old, int new)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	switch (new) {
	case TCP_SYN_SENT:
		connecting(sk);
		break;
	case TCP_LISTEN:
		listening(sk);
		break;
	case TCP_SYN_RECV:
		if (old == TCP_LISTEN)
			arriving(sk);
		break;
	case TCP_ESTABLISHED:
		established(sk, old);
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		leaving(sk);
		break;
	case TCP_CLOSE:
		ended(sk, old);
		break;
	}
	return 0;
}

/* Not before: a reset may still be sent for a connection that is closed. */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(destroyed, struct sock *sk)
{
	struct conn *conn = conn_of(sk);

	if (!conn)
		return 0;
	/*
	 * Its end was missed, as happens where programs can be interrupted by what they hook (Linux 7); or there was something
	 * after it, as when data is read that came before a reset.
	 */
	if (!conn->closed || conn->anomalies != conn->told_anomalies || unfolded_delays(sk, true))
		settle(sk, conn);
	conn_forget(sk);
	if (!beside)
		waiting_forget(sk);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(synack_again, struct sock *sk, struct request_sock *request)
{
	struct conn *conn = conn_of(sk);
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	__u32 done, most;

	if (!conn || conn->role != ROLE_LISTENER)
		return 0;
	count_endpoint(sk, conn, ENDPOINT_RETRANS_SYNACK, 1);
	/* It is told of before the repetition is counted; after the last one the request is given up. */
	done = BPF_CORE_READ_BITFIELD_PROBED(request, num_timeout) + 1;
	most = BPF_CORE_READ(icsk, icsk_syn_retries);
	if (!most) {
		struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);

		most = BPF_CORE_READ_BITFIELD_PROBED(net, ipv4.sysctl_tcp_synack_retries);
	}
	if (done >= most)
		count_endpoint(sk, conn, ENDPOINT_REQUEST_DROPS, 1);
	return 0;
}

#endif
