/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What every program includes: the kernel's types, libbpf's helpers, and what our skeletons rest on. */
#ifndef GOPHER_PROGRAM_H
#define GOPHER_PROGRAM_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * Makes a struct reach Rust through the object's types. It has no padding, so that whatever bytes user space reads are
 * all written; SIZE is the sum of its members' sizes.
 */
#define SHARED(type, size)                                                   \
	_Static_assert(sizeof(struct type) == (size), "padding in " #type); \
	const volatile struct type shared_##type = {}

#endif
