/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Requests for connections: what a listener answers, and the queues that were full when they came. */
#ifndef QUEUES_H
#define QUEUES_H

#include "fold.h"

#define FLAG_SYN 0x02
#define FLAG_ACK 0x10

extern int LINUX_KERNEL_VERSION __kconfig;

#define VERSION(major, minor, patch) (((major) << 16) + ((minor) << 8) + (patch))
#define SERIES_FROM(major, minor, patch) \
	(LINUX_KERNEL_VERSION >= VERSION(major, minor, patch) && LINUX_KERNEL_VERSION < VERSION(major, (minor) + 1, 0))

/*
 * Whether a queue takes one request more than its listener asked for: since "tcp/dccp: allow a connection when
 * sk_max_ack_backlog is zero" (Linux 6.13, and what was brought to older series).
 */
static __always_inline bool takes_one_more(void)
{
	return LINUX_KERNEL_VERSION >= VERSION(6, 13, 0) || SERIES_FROM(6, 12, 10) || SERIES_FROM(6, 6, 72) ||
	       SERIES_FROM(6, 1, 125) || SERIES_FROM(5, 15, 177) || SERIES_FROM(5, 10, 234);
}

static __always_inline void requested(struct sock *sk)
{
	struct conn *conn = conn_of(sk);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u32 most;

	if (!conn || conn->role != ROLE_LISTENER || !tp)
		return;
	most = tp->inet_conn.icsk_inet.sk.sk_max_ack_backlog;
	if (tp->inet_conn.icsk_inet.sk.sk_ack_backlog > most)
		count_endpoint(sk, conn, ENDPOINT_ACCEPT_OVERFLOW, 1);
	if ((__u32)tp->inet_conn.icsk_accept_queue.qlen.counter >= most + takes_one_more())
		count_endpoint(sk, conn, ENDPOINT_SYN_OVERFLOW, 1);
}

SEC("fentry/tcp_conn_request")
int BPF_PROG(request_entry, void *request_ops, void *family_ops, struct sock *sk)
{
	requested(sk);
	return 0;
}

SEC("fentry/tcp_make_synack")
int BPF_PROG(answer_made, struct sock *sk)
{
	struct conn *conn = conn_of(sk);

	if (conn && conn->role == ROLE_LISTENER)
		count_endpoint(sk, conn, ENDPOINT_SYNACK_SENT, 1);
	return 0;
}

/* The flags of a TCP packet that starts with its IP header; 0 for others. */
static __always_inline __u8 flags_of(struct __sk_buff *skb)
{
	__u8 first = 0, next = 0, flags = 0;
	__u32 at;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return 0;
	if (first >> 4 == 4) {
		bpf_skb_load_bytes(skb, 9, &next, 1);
		at = (first & 15) * 4;
	} else {
		bpf_skb_load_bytes(skb, 6, &next, 1);
		at = 40;
	}
	if (next == IPPROTO_TCP)
		bpf_skb_load_bytes(skb, at + 13, &flags, 1);
	return flags;
}

static __always_inline struct sock *listening_sock(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	return sk && sk->state == TCP_LISTEN ? (struct sock *)bpf_skc_to_tcp_sock(sk) : 0;
}

SEC("cgroup_skb/ingress")
int request_packet(struct __sk_buff *skb)
{
	struct sock *sk = listening_sock(skb);

	if (sk && (flags_of(skb) & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN)
		requested(sk);
	return 1;
}

SEC("cgroup_skb/egress")
int answer_packet(struct __sk_buff *skb)
{
	struct sock *sk = listening_sock(skb);
	struct conn *conn;

	if (!sk || (flags_of(skb) & (FLAG_SYN | FLAG_ACK)) != (FLAG_SYN | FLAG_ACK))
		return 1;
	conn = conn_of(sk);
	if (conn && conn->role == ROLE_LISTENER)
		count_endpoint(sk, conn, ENDPOINT_SYNACK_SENT, 1);
	return 1;
}

#endif
