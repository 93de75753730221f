/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Bytes and drops of UDP. */
#ifndef UDP_H
#define UDP_H

#include "fold.h"

PERIOD(udp, struct flow_key, struct datagrams, 8192)

/* Local side and, where it is fixed, the peer. A port that the kernel chose says nothing and is left out. */
static __always_inline struct datagrams *datagrams_of(struct sock *sk, struct conn *conn)
{
	struct flow_key key = {};
	struct datagrams *datagrams;

	key.family = addresses(sk, &key.client, &key.server, false);
	key.tgid = conn->tgid;
	key.role = ROLE_UDP;
	key.server_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (!key.server_port && BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK)
		key.client_port = local_port(sk, false);
	datagrams = udp_of(&key);
	if (datagrams && !datagrams->comm[0])
		__builtin_memcpy(datagrams->comm, conn->comm, sizeof(datagrams->comm));
	return datagrams;
}

static __always_inline __u64 inode_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

/* Nothing tells of the end of a UDP socket: by its address another one may be meant now. */
static __always_inline struct conn *udp_conn(struct sock *sk)
{
	struct conn *conn = conn_of(sk);

	if (beside || !conn || conn->inode == inode_of(sk))
		return conn;
	conn_forget(sk);
	return 0;
}

static __always_inline struct conn *udp_conn_new(struct sock *sk)
{
	struct conn *conn = conn_new(sk);

	if (!conn)
		return 0;
	conn->role = ROLE_UDP;
	if (!beside)
		conn->inode = inode_of(sk);
	return conn;
}

/* The socket's owner is who first uses it. */
static __always_inline struct datagrams *udp_used(struct sock *sk)
{
	struct conn *conn = udp_conn(sk);
	struct datagrams *datagrams;

	if (!conn || !conn->tgid) {
		if (!in_scope(current_number()))
			return 0;
		conn = conn ? conn : udp_conn_new(sk);
		if (!conn)
			return 0;
		own(conn, (struct task_struct *)bpf_get_current_task());
	}
	datagrams = datagrams_of(sk, conn);
	if (datagrams && conn->pending) {
		add(&datagrams->dropped, conn->pending);
		conn->pending = 0;
	}
	return datagrams;
}

static __always_inline void udp_sent(struct sock *sk, int result)
{
	struct datagrams *datagrams = result > 0 ? udp_used(sk) : 0;

	if (datagrams)
		add(&datagrams->sent, result);
}

static __always_inline void udp_received(struct sock *sk, int result, int flags)
{
	struct datagrams *datagrams = result > 0 && !(flags & MSG_PEEK) ? udp_used(sk) : 0;

	if (datagrams)
		add(&datagrams->received, result);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(udp_sent_length, struct sock *sk, int result)
{
	if (sk->sk_protocol == IPPROTO_UDP)
		udp_sent(sk, result);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(udp_received_length, struct sock *sk, int result, int flags)
{
	if (sk->sk_protocol == IPPROTO_UDP)
		udp_received(sk, result, flags);
	return 0;
}

SEC("fexit/udp_sendmsg")
int BPF_PROG(udp_sent_v4, struct sock *sk, void *message, unsigned long size, int result)
{
	udp_sent(sk, result);
	return 0;
}

SEC("fexit/udpv6_sendmsg")
int BPF_PROG(udp_sent_v6, struct sock *sk, void *message, unsigned long size, int result)
{
	udp_sent(sk, result);
	return 0;
}

/* Six arguments until Linux 5.18, then five: the loader refuses the first kind where there are five. */
SEC("fexit/udp_recvmsg")
int BPF_PROG(udp_received_v4_six, struct sock *sk, void *message, unsigned long size, int wait, int flags, void *length, int result)
{
	udp_received(sk, result, flags);
	return 0;
}

SEC("fexit/udpv6_recvmsg")
int BPF_PROG(udp_received_v6_six, struct sock *sk, void *message, unsigned long size, int wait, int flags, void *length, int result)
{
	udp_received(sk, result, flags);
	return 0;
}

SEC("fexit/udp_recvmsg")
int BPF_PROG(udp_received_v4, struct sock *sk, void *message, unsigned long size, int flags, void *length, int result)
{
	udp_received(sk, result, flags);
	return 0;
}

SEC("fexit/udpv6_recvmsg")
int BPF_PROG(udp_received_v6, struct sock *sk, void *message, unsigned long size, int flags, void *length, int result)
{
	udp_received(sk, result, flags);
	return 0;
}

static __always_inline void udp_dropped(struct sock *sk, __u32 bytes)
{
	struct conn *conn = udp_conn(sk);
	struct datagrams *datagrams;

	if (!conn) {
		/* Nobody has used it yet: the owner is found later. */
		conn = udp_conn_new(sk);
		if (!conn)
			return;
	}
	if (!conn->tgid) {
		__sync_fetch_and_add(&conn->pending, bytes);
		return;
	}
	datagrams = datagrams_of(sk, conn);
	if (datagrams)
		add(&datagrams->dropped, bytes);
}

/* With the packet (Linux 6.11). */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(udp_full, int error, struct sock *sk, struct sk_buff *skb)
{
	udp_dropped(sk, skb->len);
	return 0;
}

SEC("fexit/__udp_enqueue_schedule_skb")
int BPF_PROG(udp_full_exit, struct sock *sk, struct sk_buff *skb, int error)
{
	if (error)
		udp_dropped(sk, skb->len);
	return 0;
}

#endif
