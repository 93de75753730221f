/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whom to observe: user space keeps it (`probe_bpf::ScopeMap`), programs ask before they do anything else. */
#ifndef GOPHER_SCOPE_H
#define GOPHER_SCOPE_H

#include "task.h"

/* The whole host, whatever the map says. */
bool scope_all = false;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u8);
} scope SEC(".maps");

/* Whether a process is observed, by the number that number() of task.h gives. */
static __always_inline bool in_scope(__u32 process)
{
	return scope_all || bpf_map_lookup_elem(&scope, &process);
}

#endif
