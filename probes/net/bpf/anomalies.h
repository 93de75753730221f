/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What goes wrong with single connections: drops, resets, lack of memory. */
#ifndef ANOMALIES_H
#define ANOMALIES_H

#include "fold.h"

static __always_inline void anomaly(struct sock *sk, enum count which)
{
	struct conn *conn;

	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return;
	conn = conn_of(sk);
	if (conn && conn->role != ROLE_LISTENER)
		count_anomaly(sk, conn, which);
}

/* A request or a socket in TIME_WAIT is no whole socket; neither has an owner. */
static __always_inline bool whole(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(reset_sent, struct sock *sk)
{
	if (sk && whole(sk))
		anomaly(sk, COUNT_RESETS_SENT);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	anomaly(sk, COUNT_RESETS_RECEIVED);
	return 0;
}

SEC("fexit/tcp_check_oom")
int BPF_PROG(oom_exit, struct sock *sk, int shift, bool aborts)
{
	if (aborts)
		anomaly(sk, COUNT_OOM);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(oom_reset, struct sock *sk, struct sk_buff *skb, int reason)
{
	if (sk && whole(sk) && reason == bpf_core_enum_value(enum sk_rst_reason, SK_RST_REASON_TCP_ABORT_ON_MEMORY))
		anomaly(sk, COUNT_OOM);
	return 0;
}

SEC("tp_btf/sock_exceed_buf_limit")
int BPF_PROG(limit, struct sock *sk, struct proto *proto, long allocated, int kind)
{
	/* SK_MEM_SEND is 0, SK_MEM_RECV is 1 (include/net/sock.h). */
	if (!kind)
		anomaly(sk, COUNT_SND_LIMIT);
	return 0;
}

SEC("tp_btf/sock_exceed_buf_limit")
int BPF_PROG(receive_limit, struct sock *sk, struct proto *proto, long allocated, int kind)
{
	if (kind)
		anomaly(sk, COUNT_RCV_LIMIT);
	return 0;
}

SEC("fexit/tcp_try_rmem_schedule")
int BPF_PROG(receive_memory_exit, struct sock *sk, struct sk_buff *skb, unsigned int size, int refused)
{
	if (refused)
		anomaly(sk, COUNT_RCV_LIMIT);
	return 0;
}

#define REASON(name) bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_##name)

/* With the socket that was to receive (Linux 6.11). */
SEC("tp_btf/kfree_skb")
int BPF_PROG(dropped, struct sk_buff *skb, void *location, int reason, struct sock *receiver)
{
	if (!receiver || !whole(receiver))
		return 0;
	if (reason == REASON(SOCKET_FILTER))
		anomaly(receiver, COUNT_FILTER_DROPS);
	else if (reason == REASON(SOCKET_BACKLOG))
		anomaly(receiver, COUNT_BACKLOG_DROPS);
	else if (reason == REASON(PROTO_MEM))
		anomaly(receiver, COUNT_RCV_LIMIT);
	return 0;
}

SEC("fexit/tcp_filter")
int BPF_PROG(filter_exit, struct sock *sk, struct sk_buff *skb, int refused)
{
	if (refused && whole(sk))
		anomaly(sk, COUNT_FILTER_DROPS);
	return 0;
}

/* With a reason as third argument (Linux 5.18). */
SEC("fexit/tcp_add_backlog")
int BPF_PROG(backlog_exit_reason, struct sock *sk, struct sk_buff *skb, void *reason, bool full)
{
	if (full)
		anomaly(sk, COUNT_BACKLOG_DROPS);
	return 0;
}

SEC("fexit/tcp_add_backlog")
int BPF_PROG(backlog_exit, struct sock *sk, struct sk_buff *skb, bool full)
{
	if (full)
		anomaly(sk, COUNT_BACKLOG_DROPS);
	return 0;
}

/* Whose SYN waited for a neighbour that never answered. */
static __always_inline void syn_dropped(struct sock *sk)
{
	struct conn *conn;

	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_SYN_SENT)
		return;
	conn = conn_of(sk);
	if (conn)
		count_endpoint(sk, conn, ENDPOINT_SYN_DROP, 1);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(unreached, struct sk_buff *skb, void *location, int reason)
{
	if (reason == REASON(NEIGH_FAILED) || reason == REASON(NEIGH_QUEUEFULL) || reason == REASON(NEIGH_DEAD))
		syn_dropped(skb->sk);
	return 0;
}

SEC("fentry/arp_error_report")
int BPF_PROG(unreached_v4, void *neighbour, struct sk_buff *skb)
{
	syn_dropped(skb->sk);
	return 0;
}

SEC("fentry/ndisc_error_report")
int BPF_PROG(unreached_v6, void *neighbour, struct sk_buff *skb)
{
	syn_dropped(skb->sk);
	return 0;
}

#endif
