// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sched_setattr(2) has no wrapper everywhere. */
#include "base/schedule.h"

#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

void schedule_thread(uint32_t policy, uint64_t slice_ns)
{
	struct sched_attr attributes = {
		.size = sizeof(attributes), .sched_policy = policy, .sched_runtime = slice_ns};

	syscall(SYS_sched_setattr, 0, &attributes, 0);
}
