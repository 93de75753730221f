/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs and user space share. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

struct process {
	__u32 tgid; /* as user space knows it */
};

struct tally {
	__u64 delivered;
	__u64 discarded;
};

#endif
