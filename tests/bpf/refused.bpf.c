// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* One program that every kernel takes, and one for each reason that a kernel has to refuse one. */
#include <gopher/program.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} values SEC(".maps");

/* No kernel has such a field. */
struct task_struct___other {
	int no_such_field;
};

extern int no_such_function_of_the_kernel(void) __ksym __weak;

__u64 runs = 0;

SEC("tp_btf/sched_process_exec")
int taken(void *ctx)
{
	__sync_fetch_and_add(&runs, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int unchecked_pointer(void *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&values, &key);

	*value = 1;
	return 0;
}

SEC("tp_btf/no_such_tracepoint")
int missing_tracepoint(void *ctx)
{
	return 0;
}

SEC("fentry/no_such_function")
int missing_function(void *ctx)
{
	return 0;
}

SEC("tp_btf/sched_process_exec")
int missing_field(void *ctx)
{
	struct task_struct___other *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, no_such_field) & 1;
}

SEC("tp_btf/sched_process_exec")
int missing_symbol(void *ctx)
{
	return no_such_function_of_the_kernel() & 1;
}
