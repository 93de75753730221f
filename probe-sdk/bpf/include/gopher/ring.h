/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A ring buffer to user space that counts what does not fit. */
#ifndef GOPHER_RING_H
#define GOPHER_RING_H

#include "program.h"

/* Defines the ring NAME of SIZE bytes (a power of two, whole pages) and its counter of lost records, lost_NAME. */
#define RING(name, size)                                \
	struct {                                        \
		__uint(type, BPF_MAP_TYPE_RINGBUF);     \
		__uint(max_entries, size);              \
	} name SEC(".maps");                            \
	__u64 lost_##name = 0

/* Writes a record, or counts it as lost. */
#define RING_WRITE(name, record)                                                   \
	do {                                                                       \
		if (bpf_ringbuf_output(&(name), &(record), sizeof(record), 0) < 0) \
			__sync_fetch_and_add(&lost_##name, 1);                     \
	} while (0)

#endif
