/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Delays of data: observed beside the socket, and added up per peer when the connection is folded. */
#ifndef WAITS_H
#define WAITS_H

#include <gopher/period.h>

#include "bounds.h"
#include "sockets.h"

PERIOD(waits, struct flow_key, struct delays, 4096)

/* Of a histogram, what has been added to that of the peer. */
struct told {
	__u64 sum;
	__u32 slots[SLOTS];
};

/* What reads and writes touch comes first, so that it is in as few lines of the cache as can be. */
struct waiting {
	__u64 arrived; /* ns: data that nobody has read yet */
	__u64 written; /* ns: data that is not yet acknowledged, up to written_seq */
	__u32 written_seq;
	__u32 unused;
	struct delays observed;
	struct told sys;
	struct told net;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct waiting);
} waiting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct waiting);
} waiting_by_address SEC(".maps");

struct waiting new_waiting = {};

static __always_inline struct waiting *waiting_of(struct sock *sk, bool typed)
{
	__u64 address = (__u64)sk;

	if (!beside)
		return bpf_map_lookup_elem(&waiting_by_address, &address);
	return typed ? bpf_sk_storage_get(&waiting, sk, 0, 0) : 0;
}

/* The same; makes it for a connection that is kept. */
static __always_inline struct waiting *waiting_at(struct sock *sk)
{
	struct waiting *at = waiting_of(sk, true);
	__u64 address = (__u64)sk;

	if (at || !conn_of(sk))
		return at;
	if (beside)
		return bpf_sk_storage_get(&waiting, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	bpf_map_update_elem(&waiting_by_address, &address, &new_waiting, BPF_NOEXIST);
	return bpf_map_lookup_elem(&waiting_by_address, &address);
}

static __always_inline void waiting_forget(struct sock *sk)
{
	__u64 address = (__u64)sk;

	if (beside)
		bpf_sk_storage_delete(&waiting, sk);
	else
		bpf_map_delete_elem(&waiting_by_address, &address);
}

static __always_inline struct delays *delays_of(struct sock *sk, const struct conn *conn, bool typed)
{
	struct address local = {}, remote = {};
	struct flow_key key = {};

	/* The peer alone is part of the key. */
	key.family = addresses(sk, &local, &remote, typed);
	key.tgid = conn->tgid;
	key.role = conn->role;
	if (conn->role == ROLE_SERVER) {
		key.client = remote;
		key.server_port = local_port(sk, typed);
	} else {
		key.server = remote;
		key.server_port = bpf_ntohs(READ(typed, sk, __sk_common.skc_dport));
	}
	return waits_of(&key);
}

static __always_inline void move(struct histogram *to, struct histogram *from, struct told *told)
{
	__u64 sum = from->sum, max = from->max;

	/* One that is observed just now, as the longest of its period, may be missing in `max`; in no other value. */
	from->max = 0;
	if (max > to->max)
		to->max = max;
	__sync_fetch_and_add(&to->sum, sum - told->sum);
	told->sum = sum;
#pragma unroll
	for (int i = 0; i < SLOTS; i++) {
		__u32 now = from->slots[i];

		if (now != told->slots[i])
			__sync_fetch_and_add(&to->slots[i], now - told->slots[i]);
		told->slots[i] = now;
	}
}

static __always_inline struct waiting *unfolded_delays(struct sock *sk, bool typed)
{
	struct waiting *at = waiting_of(sk, typed);

	return at && (at->observed.sys.sum != at->sys.sum || at->observed.net.sum != at->net.sum) ? at : 0;
}

/* Adds what is new to the peer's. */
static __always_inline void fold_delays(struct sock *sk, const struct conn *conn, bool typed)
{
	struct waiting *at = unfolded_delays(sk, typed);
	struct delays *peer = at ? delays_of(sk, conn, typed) : 0;

	if (!peer)
		return;
	move(&peer->sys, &at->observed.sys, &at->sys);
	move(&peer->net, &at->observed.net, &at->net);
}

#endif
