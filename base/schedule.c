// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls sched_setattr(2), for which not every C library has a wrapper, and pthread attributes. */
#include "base/schedule.h"

#include <sys/syscall.h>
#include <unistd.h>

/* struct sched_attr of include/uapi/linux/sched/types.h as of Linux 3.14. The kernel's header
 * conflicts with <sched.h> up to Linux 6.7, and newer C libraries define that name themselves. */
struct scheduling {
	uint32_t size_bytes;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};
_Static_assert(sizeof(struct scheduling) == 48, "SCHED_ATTR_SIZE_VER0");

void schedule_thread(uint32_t policy, uint64_t slice_ns)
{
	struct scheduling attributes = {
		.size_bytes = sizeof(attributes), .policy = policy, .runtime_ns = slice_ns};

	syscall(SYS_sched_setattr, 0, &attributes, 0);
}

int schedule_first(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
	struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r)
		return -r;
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &lowest);
	r = pthread_create(ret, &attributes, run, arg);
	pthread_attr_destroy(&attributes);
	return -r;
}
