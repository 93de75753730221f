// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Connections and datagrams of the processes in scope, added up in the kernel.
 *
 *   handshake ── state, owner, role ──┐
 *   anomalies, queues, delay, udp ────┼──> sums per key and period ──> user space
 *   sweep ─── a socket's own counters ┘
 */
#include <gopher/net.h>

#include "sockets.h"
#include "waits.h"
#include "fold.h"
#include "handshake.h"
#include "anomalies.h"
#include "queues.h"
#include "delay.h"
#include "udp.h"
#include "sweep.h"

SHARED(flow_key, 44);
SHARED(flow, 16 + 8 * COUNTS + 8 + 80 * MEASURES);
SHARED(delays, 160);
SHARED(endpoint, 16 + 8 * ENDPOINT_COUNTS + 80);
SHARED(datagrams, 40);

/* So that their numbers reach Rust too. */
const volatile enum role shared_role = ROLE_CLIENT;
const volatile enum measure shared_measure = MEASURE_SRTT;
const volatile enum count shared_count = COUNT_RX_BYTES;
const volatile enum endpoint_count shared_endpoint_count = ENDPOINT_LISTEN_DROPS;
const volatile enum pass shared_pass = PASS_LISTENERS;
