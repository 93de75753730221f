/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* How long received data waits for its reader, and how long written data waits for its acknowledgement. */
#ifndef DELAY_H
#define DELAY_H

#include "waits.h"

#define MIN_HEADER 20 /* bytes, of a segment without payload or options (RFC 9293) */

/* Every segment of an established connection passes here before it is processed. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(segment, struct sock *sk, struct sk_buff *skb)
{
	struct waiting *at = waiting_at(sk);
	struct tcp_sock *tp;
	__u32 header[4];
	__u64 now;

	if (!at || (!at->written && (at->arrived || skb->len <= MIN_HEADER)))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || bpf_probe_read_kernel(header, sizeof(header), skb->data))
		return 0;
	now = bpf_ktime_get_ns();
	/* Acknowledged by an earlier segment, which passed while the write was being noted: how long it took is not known. */
	if (at->written && (__s32)(tp->snd_una - at->written_seq) >= 0)
		at->written = 0;
	if (at->written && (__s32)(bpf_ntohl(header[2]) - at->written_seq) >= 0) {
		observe(&at->observed.net, bounds_delay, now - at->written);
		at->written = 0;
	}
	/* Payload, and nothing before it that waits. */
	if (!at->arrived && skb->len > (((__u8 *)header)[12] >> 4) * 4 && tp->rcv_nxt == tp->copied_seq)
		at->arrived = now;
	return 0;
}

static __always_inline void sent(struct sock *sk)
{
	struct waiting *at = waiting_at(sk);
	struct tcp_sock *tp;

	if (!at || at->written)
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return;
	at->written_seq = tp->write_seq;
	/* All of it may have been acknowledged while the write still went on. */
	if ((__s32)(at->written_seq - tp->snd_una) > 0)
		at->written = bpf_ktime_get_ns();
}

static __always_inline void received(struct sock *sk)
{
	struct waiting *at = waiting_of(sk, true);

	if (!at || !at->arrived)
		return;
	observe(&at->observed.sys, bounds_delay, bpf_ktime_get_ns() - at->arrived);
	at->arrived = 0;
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
