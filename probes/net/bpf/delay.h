/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How long received data waits for its reader, and how long written data waits for its acknowledgement. */
#ifndef DELAY_H
#define DELAY_H

#include "fold.h"

PERIOD(waits, struct flow_key, struct delays, 4096)

static __always_inline struct delays *delays_of(struct sock *sk, struct conn *conn)
{
	struct address local = {}, remote = {};
	struct flow_key key = {};

	/* The peer alone is part of the key. */
	key.family = addresses(sk, &local, &remote, true);
	key.tgid = conn->tgid;
	key.role = conn->role;
	if (conn->role == ROLE_SERVER) {
		key.client = remote;
		key.server_port = local_port(sk, true);
	} else {
		key.server = remote;
		key.server_port = bpf_ntohs(sk->__sk_common.skc_dport);
	}
	return waits_of(&key);
}

/* Every segment of an established connection passes here before it is processed. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(segment, struct sock *sk, struct sk_buff *skb)
{
	struct conn *conn = conn_of(sk);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct delays *delays;
	__u8 header[14] = {};
	__u64 now;

	if (!conn || !tp || bpf_probe_read_kernel(header, sizeof(header), skb->data))
		return 0;
	now = bpf_ktime_get_ns();
	/* Acknowledged by an earlier segment, which passed while the write was being noted: how long it took is not known. */
	if (conn->written && (__s32)(tp->snd_una - conn->written_seq) >= 0)
		conn->written = 0;
	if (conn->written && (__s32)(bpf_ntohl(*(__be32 *)(header + 8)) - conn->written_seq) >= 0) {
		delays = delays_of(sk, conn);
		if (delays)
			observe(&delays->net, bounds_delay, now - conn->written);
		conn->written = 0;
	}
	/* Payload, and nothing before it that waits. */
	if (!conn->arrived && skb->len > (header[12] >> 4) * 4 && tp->rcv_nxt == tp->copied_seq)
		conn->arrived = now;
	return 0;
}

static __always_inline void sent(struct sock *sk)
{
	struct conn *conn = conn_of(sk);
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!conn || !tp || conn->written)
		return;
	conn->written_seq = tp->write_seq;
	/* All of it may have been acknowledged while the write still went on. */
	if ((__s32)(conn->written_seq - tp->snd_una) > 0)
		conn->written = bpf_ktime_get_ns();
}

static __always_inline void received(struct sock *sk)
{
	struct conn *conn = conn_of(sk);
	struct delays *delays;

	if (!conn || !conn->arrived)
		return;
	delays = delays_of(sk, conn);
	if (delays)
		observe(&delays->sys, bounds_delay, bpf_ktime_get_ns() - conn->arrived);
	conn->arrived = 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sent_length, struct sock *sk, int result)
{
	if (result > 0 && sk->sk_protocol == IPPROTO_TCP)
		sent(sk);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(received_length, struct sock *sk, int result, int flags)
{
	if (result > 0 && !(flags & MSG_PEEK) && sk->sk_protocol == IPPROTO_TCP)
		received(sk);
	return 0;
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(sent_exit, struct sock *sk)
{
	sent(sk);
	return 0;
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(received_exit, struct sock *sk)
{
	received(sk);
	return 0;
}

#endif
