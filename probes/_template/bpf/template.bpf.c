// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Counts the signals of the processes in scope. */
#include <gopher/period.h>
#include <gopher/scope.h>

#include "template.h"

SHARED(process, 4);
SHARED(tally, 16);

/* Sums per process and period; what finds no place is counted in lost_tallies. */
PERIOD(tallies, struct process, struct tally, 4096)

static __always_inline void count(struct task_struct *task, int result)
{
	struct process process = { .tgid = number(task) };
	struct tally *tally;

	/* First of all: who is not in scope costs no more than this. */
	if (!in_scope(process.tgid))
		return;
	tally = tallies_of(&process);
	if (!tally)
		return;
	/* TRACE_SIGNAL_DELIVERED is 0 (include/trace/events/signal.h). */
	__sync_fetch_and_add(result ? &tally->discarded : &tally->delivered, 1);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_btf, int signal, void *info, struct task_struct *task, int group, int result)
{
	count(task, result);
	return 0;
}

/* The same where tp_btf is refused. */
SEC("raw_tp/signal_generate")
int BPF_PROG(signal_raw, int signal, void *info, struct task_struct *task, int group, int result)
{
	count(task, result);
	return 0;
}
