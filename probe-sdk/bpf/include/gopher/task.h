/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes by the numbers that user space knows. */
#ifndef GOPHER_TASK_H
#define GOPHER_TASK_H

#include "program.h"

/* Pid namespaces within each other; the kernel allows no more (MAX_PID_NS_LEVEL). */
#define LEVELS 33

/* The pid namespace whose numbers user space understands: its inode; 0 is that of the host. */
const volatile __u32 namespace = 0;

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

static __always_inline __u32 current_number(void)
{
	return number((struct task_struct *)bpf_get_current_task());
}

#endif
