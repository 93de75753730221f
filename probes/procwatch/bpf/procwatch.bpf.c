// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Starts, changes and ends of all processes of the host, in whatever namespace they run. */
#include <gopher/ring.h>
#include <gopher/task.h>

#include "procwatch.h"

SHARED(news, 8);
RING(ring, 256 * 1024);

static __always_inline void tell(struct task_struct *task, enum happened happened)
{
	struct news news = { .pid = number(task), .happened = happened };

	if (news.pid)
		RING_WRITE(ring, news);
}

static __always_inline bool leads(struct task_struct *task)
{
	return BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid);
}

static __always_inline void forked(struct task_struct *child)
{
	if (leads(child))
		tell(child, HAPPENED_STARTED);
}

static __always_inline void renamed(struct task_struct *task)
{
	if (leads(task))
		tell(task, HAPPENED_CHANGED);
}

/* The kernel counts the thread that ends out before it tells of its end. */
static __always_inline void exited(struct task_struct *task)
{
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		tell(task, HAPPENED_ENDED);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_btf, struct task_struct *parent, struct task_struct *child)
{
	forked(child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_btf, struct task_struct *task)
{
	tell(task, HAPPENED_CHANGED);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(rename_btf, struct task_struct *task)
{
	renamed(task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_btf, struct task_struct *task)
{
	exited(task);
	return 0;
}

/* The same where tp_btf is refused. */
SEC("raw_tp/sched_process_fork")
int BPF_PROG(fork_raw, struct task_struct *parent, struct task_struct *child)
{
	forked(child);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(exec_raw, struct task_struct *task)
{
	tell(task, HAPPENED_CHANGED);
	return 0;
}

SEC("raw_tp/task_rename")
int BPF_PROG(rename_raw, struct task_struct *task)
{
	renamed(task);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(exit_raw, struct task_struct *task)
{
	exited(task);
	return 0;
}
