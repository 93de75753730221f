/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Bounds of the histograms: the original's, and those that keep small and large values apart. */
#ifndef BOUNDS_H
#define BOUNDS_H

#include <gopher/program.h>

#include "net.h"

#define NO_BOUND (~0ULL >> 1) /* no value has 64 bits */
#define REST1 NO_BOUND
#define REST4 REST1, REST1, REST1, REST1
#define REST6 REST4, REST1, REST1

#define BOUNDS_US { 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 5000000 }
#define BOUNDS_SEGMENTS { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000, 100000, 1000000, 10000000, REST1 }
#define BOUNDS_BYTES { 0, 1000, 10000, 50000, 100000, 500000, 1000000, 5000000, 10000000, 50000000, 100000000, REST4 }
#define BOUNDS_MS { 10, 40, 100, 200, 300, 500, 1000, 2000, 5000, 10000, 20000, 40000, 80000, REST1, REST1 }
#define BOUNDS_BUFFER { 4096, 32768, 131072, 262144, 524288, 1048576, 2097152, 4194304, 8388608, 16777216, 33554432, REST4 }

/* Of each enum measure. */
const volatile __u64 bounds_of[MEASURES][SLOTS - 1] = {
	[MEASURE_SRTT] = BOUNDS_US,
	[MEASURE_RCV_RTT] = BOUNDS_US,
	[MEASURE_SYN_SRTT] = BOUNDS_US,
	[MEASURE_SND_CWND] = BOUNDS_SEGMENTS,
	[MEASURE_NOTSENT] = BOUNDS_BYTES,
	[MEASURE_NOTACK] = BOUNDS_BYTES,
	[MEASURE_REORDERING] = BOUNDS_SEGMENTS,
	[MEASURE_SND_WND] = BOUNDS_BYTES,
	[MEASURE_RCV_WND] = BOUNDS_BYTES,
	[MEASURE_AVL_SND_WND] = BOUNDS_BYTES,
	[MEASURE_RTO] = BOUNDS_MS,
	[MEASURE_ATO] = BOUNDS_MS,
	[MEASURE_RCVBUF] = BOUNDS_BUFFER,
	[MEASURE_SNDBUF] = BOUNDS_BUFFER,
};

/* Of handshakes and of delays of data, in ns. */
const volatile __u64 bounds_latency[SLOTS - 1] = {
	100000, 1000000, 3000000, 10000000, 50000000, 100000000, 500000000, 1000000000, 3000000000, 10000000000,
	30000000000, 60000000000, REST1, REST1, REST1,
};
const volatile __u64 bounds_delay[SLOTS - 1] = {
	10000, 100000, 1000000, 3000000, 10000000, 30000000, 100000000, 300000000, 1000000000, 3000000000, 10000000000, REST4,
};

static __always_inline void observe(struct histogram *histogram, const volatile __u64 *bounds, __u64 value)
{
	__u64 slot = 0;

	/* One more for each bound below it, by the sign of the difference: the verifier would go all ways of a branch. */
#pragma unroll
	for (int i = 0; i < SLOTS - 1; i++)
		slot += (bounds[i] - value) >> 63;
	__sync_fetch_and_add(&histogram->slots[slot & (SLOTS - 1)], 1);
	__sync_fetch_and_add(&histogram->sum, value);
	if (value > histogram->max)
		histogram->max = value;
}

#endif
