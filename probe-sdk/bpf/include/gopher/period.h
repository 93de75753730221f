/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Sums per key over a period, of which none is lost: two maps by turns.
 *
 * Programs add to the one that NAME holds; at the end of a period user space puts the other one there. The kernel then
 * waits until no program uses the first any more (maybe_wait_bpf_programs() of kernel/bpf/syscall.c), so that it can be
 * read and emptied at leisure (`probe_bpf::Period`).
 */
#ifndef GOPHER_PERIOD_H
#define GOPHER_PERIOD_H

#include "program.h"

/*
 * Defines NAME, and NAME_of(key): the value of the key in this period, all zero when it is new. Keys that do not fit go
 * to the value of the key that is all zero, and are counted in lost_NAME.
 */
#define PERIOD(name, key_type, value_type, entries)                                          \
	struct name##_map {                                                                  \
		__uint(type, BPF_MAP_TYPE_HASH);                                             \
		__uint(max_entries, entries);                                                \
		__type(key, key_type);                                                       \
		__type(value, value_type);                                                   \
	} name##_0 SEC(".maps"), name##_1 SEC(".maps");                                      \
	struct {                                                                             \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                    \
		__uint(max_entries, 1);                                                      \
		__type(key, __u32);                                                          \
		__array(values, struct name##_map);                                          \
	} name SEC(".maps") = { .values = { &name##_0 } };                                   \
	value_type name##_empty = {};                                                        \
	key_type name##_other = {};                                                          \
	__u64 lost_##name = 0;                                                               \
	static __noinline value_type *name##_of(const key_type *key)                         \
	{                                                                                    \
		__u32 first = 0;                                                             \
		value_type *value;                                                           \
		void *map = bpf_map_lookup_elem(&name, &first);                              \
                                                                                             \
		if (!map || !key)                                                            \
			return 0;                                                            \
		value = bpf_map_lookup_elem(map, key);                                       \
		if (value)                                                                   \
			return value;                                                        \
		bpf_map_update_elem(map, key, &name##_empty, BPF_NOEXIST);                   \
		value = bpf_map_lookup_elem(map, key);                                       \
		if (value)                                                                   \
			return value;                                                        \
		__sync_fetch_and_add(&lost_##name, 1);                                       \
		return bpf_map_lookup_elem(map, &name##_other);                              \
	}

#endif
