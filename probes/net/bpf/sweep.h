/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Passes over what there is: all sockets that are kept, and all open files for sockets that were there before us. */
#ifndef SWEEP_H
#define SWEEP_H

#include "fold.h"
#include "udp.h"

/* To tell the frequency of jiffies. */
__u64 swept_jiffies = 0, swept_ns = 0;

static __always_inline void visit(struct sock *sk, struct conn *conn, bool typed)
{
	if (conn->role == ROLE_UDP || claim(sk) != CLAIMED)
		return;
	fold(sk, conn, typed, true);
	release(sk);
	/* It has closed meanwhile, and found the place taken. */
	if (conn->closed && claim(sk) == CLAIMED) {
		fold(sk, conn, typed, false);
		release(sk);
	}
}

SEC("iter/bpf_sk_storage_map")
int sweep(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct conn *conn;

	if (!sk)
		return 0;
	/* Not ctx->value: where tracing programs may not have the storage, this one shall be refused. */
	conn = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (conn)
		visit(sk, conn, true);
	return 0;
}

SEC("iter/bpf_map_elem")
int sweep_by_address(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *address = ctx->key;
	struct conn *conn = ctx->value;

	if (address && conn)
		visit((struct sock *)*address, conn, false);
	return 0;
}

/* What user space wants of a pass over all open files. */
enum pass {
	PASS_LISTENERS = 1, /* note who listens where */
	PASS_SOCKETS = 2,   /* adopt sockets, and find the owners of those that were accepted */
};
__u32 pass = 0;

static __always_inline void note_listener(struct sock *sk, struct task_struct *task)
{
	struct port port = port_of(sk);
	struct listener listener = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return;
	listener.tgid = number(task);
	BPF_CORE_READ_INTO(&listener.comm, task, group_leader, comm);
	bpf_map_update_elem(&listeners, &port, &listener, BPF_ANY);
}

static __always_inline void adopt_tcp(struct sock *sk, struct task_struct *task, bool typed)
{
	struct port port = port_of(sk);
	struct tcp_sock *tp = tcp_of(sk, typed);
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct conn *conn = conn_of(sk);

	if (!tp || state == TCP_CLOSE)
		return;
	/* One of UDP has had the address before. */
	if (conn && conn->role == ROLE_UDP)
		conn = 0;
	if (conn) {
		if (!conn->bound && conn->role == ROLE_SERVER) {
			own(conn, task);
			conn->bound = 1;
		}
		return;
	}
	conn = conn_new(sk);
	if (!conn)
		return;
	own(conn, task);
	conn->bound = 1;
	if (state == TCP_LISTEN)
		conn->role = ROLE_LISTENER;
	else
		conn->role = bpf_map_lookup_elem(&listeners, &port) ? ROLE_SERVER : ROLE_CLIENT;
	/* What was before is not ours to tell. */
	read_counters(tp, &conn->folded, typed);
}

static __always_inline void adopt_udp(struct sock *sk, struct task_struct *task)
{
	struct conn *conn = udp_conn(sk);
	struct datagrams *datagrams;

	if (!conn)
		conn = udp_conn_new(sk);
	if (!conn || conn->tgid)
		return;
	own(conn, task);
	if (!conn->pending)
		return;
	datagrams = datagrams_of(sk, conn);
	if (datagrams)
		add(&datagrams->dropped, conn->pending);
	conn->pending = 0;
}

static __always_inline void opened(struct sock *sk, struct task_struct *task, bool typed)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);

	if (family != AF_INET && family != AF_INET6)
		return;
	if (protocol == IPPROTO_TCP && pass == PASS_LISTENERS)
		note_listener(sk, task);
	else if (pass != PASS_SOCKETS || !in_scope(number(task)))
		return;
	else if (protocol == IPPROTO_TCP)
		adopt_tcp(sk, task, typed);
	else if (protocol == IPPROTO_UDP)
		adopt_udp(sk, task);
}

SEC("iter/task_file")
int adopt(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	swept_jiffies = bpf_jiffies64();
	swept_ns = bpf_ktime_get_ns();
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (sk)
		opened(sk, task, true);
	return 0;
}

/* The same where no helper tells a file's socket (before Linux 5.11). */
SEC("iter/task_file")
int adopt_by_address(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	swept_jiffies = bpf_jiffies64();
	swept_ns = bpf_ktime_get_ns();
	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (sk)
		opened(sk, task, false);
	return 0;
}

#endif
