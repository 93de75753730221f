/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is kept of each socket in scope, beside the socket itself. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <gopher/net.h>
#include <gopher/scope.h>

#include "net.h"

/* What has been folded into a flow so far. */
struct folded {
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u32 segs_in;
	__u32 segs_out;
	__u32 retrans;
	__u32 drops;
	__u32 lost;
	__u32 looked; /* segs_in at the last look at windows and times */
};

/* How far a handshake has come. */
enum {
	HANDSHAKE_BEGUN = 1, /* a client's */
	HANDSHAKE_DONE = 2,
	HANDSHAKE_FAILED = 4,
};

struct conn {
	__u32 tgid;
	__u16 role;
	__u8 bound;  /* the owner is who uses the socket, not who listens */
	__u8 closed; /* what remains is to be folded */
	__u8 comm[16];
	__u64 inode;   /* of a UDP socket that is known by its address */
	__u32 pending; /* bytes dropped while the owner was not known */

	/* From here on all is zero when a connection begins. */
	__u32 retransmitted_syn;
	__u64 since;    /* ns: begin of the handshake; 0 while it is not known */
	__u64 latency;  /* ns, of the handshake; 0 while it is not known */
	__u32 syn_srtt; /* us */
	__u8 reached;   /* HANDSHAKE_...: what has happened */
	__u8 told;      /* of that, what has been folded */
	__u16 unused;
	__u32 anomalies;      /* the sum of anomaly[] */
	__u32 told_anomalies; /* of that, what has been folded */
	__u32 anomaly[ANOMALIES];
	__u32 told_anomaly[ANOMALIES];
	struct folded folded;
};

/* Beside the socket where tracing programs may (Linux 5.11), so that it goes with it; else by its address. */
const volatile bool beside = true;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct conn);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct conn);
} sockets_by_address SEC(".maps");

/* Ports on which somebody listens: to know servers whose sockets were there before us, and whose child a socket is. */
struct port {
	__u32 namespace;
	__u32 number;
};

struct listener {
	__u32 tgid;
	__u8 comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct port);
	__type(value, struct listener);
} listeners SEC(".maps");

struct conn new_conn = {};
__u64 lost_sockets = 0; /* sockets for which there was no room */
__u64 unbound = 0; /* how often a connection was accepted whose owner is not yet known for sure */

static __always_inline struct conn *conn_of(struct sock *sk)
{
	__u64 address = (__u64)sk;

	return beside ? bpf_sk_storage_get(&sockets, sk, 0, 0) : bpf_map_lookup_elem(&sockets_by_address, &address);
}

static __always_inline struct conn *conn_new(struct sock *sk)
{
	__u64 address = (__u64)sk;
	struct conn *conn;

	if (beside) {
		conn = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	} else {
		bpf_map_update_elem(&sockets_by_address, &address, &new_conn, BPF_ANY);
		conn = bpf_map_lookup_elem(&sockets_by_address, &address);
	}
	if (!conn)
		__sync_fetch_and_add(&lost_sockets, 1);
	return conn;
}

/* Another connection of the same owner. */
static __always_inline void begin(struct conn *conn, enum role role)
{
	__builtin_memset(&conn->retransmitted_syn, 0,
			 sizeof(*conn) - __builtin_offsetof(struct conn, retransmitted_syn));
	conn->role = role;
	conn->closed = 0;
}

/* What is beside the socket goes with it. */
static __always_inline void conn_forget(struct sock *sk)
{
	__u64 address = (__u64)sk;

	if (!beside)
		bpf_map_delete_elem(&sockets_by_address, &address);
}

static __always_inline void own(struct conn *conn, struct task_struct *task)
{
	conn->tgid = number(task);
	BPF_CORE_READ_INTO(&conn->comm, task, group_leader, comm);
}

/* A field, by a load where the verifier knows the pointer's type, else by a helper, which takes longer. */
#define READ(typed, pointer, field) ((typed) ? (pointer)->field : BPF_CORE_READ(pointer, field))

/* A socket that closes has given its port back, but remembers it. */
static __always_inline __u16 local_port(struct sock *sk, bool typed)
{
	__u16 port = READ(typed, sk, __sk_common.skc_num);

	return port ? port : bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline struct port port_of(struct sock *sk)
{
	struct port port = {
		.namespace = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
		.number = local_port(sk, false),
	};

	return port;
}

static __always_inline bool mapped(const struct in6_addr *address)
{
	return address->in6_u.u6_addr32[0] == 0 && address->in6_u.u6_addr32[1] == 0 &&
	       address->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

/* Local and remote address; IPv4 within IPv6 is IPv4. Returns the family. */
static __always_inline __u16 addresses(struct sock *sk, struct address *local, struct address *remote, bool typed)
{
	__u16 family = READ(typed, sk, __sk_common.skc_family);

	if (family == AF_INET6 && bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
		struct in6_addr here, there;

		here = BPF_CORE_READ(sk, __sk_common.skc_v6_rcv_saddr);
		there = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);
		if (!mapped(&there) && !mapped(&here)) {
			__builtin_memcpy(local, &here, sizeof(*local));
			__builtin_memcpy(remote, &there, sizeof(*remote));
			return family;
		}
		*(__u32 *)local = here.in6_u.u6_addr32[3];
		*(__u32 *)remote = there.in6_u.u6_addr32[3];
		return AF_INET;
	}
	*(__u32 *)local = READ(typed, sk, __sk_common.skc_rcv_saddr);
	*(__u32 *)remote = READ(typed, sk, __sk_common.skc_daddr);
	return family;
}

#endif
