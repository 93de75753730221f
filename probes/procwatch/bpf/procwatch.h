/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs of procwatch tell user space. */
#ifndef PROCWATCH_H
#define PROCWATCH_H

enum happened {
	HAPPENED_STARTED = 1, /* a process was forked */
	HAPPENED_CHANGED = 2, /* it executes another program, or has another name */
	HAPPENED_ENDED = 3,   /* its last thread has ended */
};

struct news {
	__u32 pid; /* in the pid namespace that user space sees */
	enum happened happened;
};

#endif
