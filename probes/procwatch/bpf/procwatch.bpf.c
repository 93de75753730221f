// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Starts, changes and ends of all processes of the host, in whatever namespace they run. */
#include <gopher/ring.h>

#include "procwatch.h"

/* Pid namespaces within each other; the kernel allows no more (MAX_PID_NS_LEVEL). */
#define LEVELS 33

/* The pid namespace whose numbers user space understands: its inode; 0 is that of the host. */
const volatile __u32 namespace = 0;

SHARED(news, 8);
RING(ring, 256 * 1024);

/* The number of a process in the wanted namespace; 0 where it is not seen from there. */
static __always_inline __u32 number(struct task_struct *task)
{
	struct pid *pid;
	__u32 level;

	if (!namespace)
		return BPF_CORE_READ(task, tgid);
	pid = BPF_CORE_READ(task, group_leader, thread_pid);
	if (!pid)
		return 0;
	level = BPF_CORE_READ(pid, level);
	for (__u32 i = 0; i < LEVELS && i <= level; i++) {
		struct upid upid = {};

		if (bpf_core_read(&upid, sizeof(upid), &pid->numbers[i]))
			return 0;
		if (BPF_CORE_READ(upid.ns, ns.inum) == namespace)
			return upid.nr;
	}
	return 0;
}

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
