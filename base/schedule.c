// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sched_setattr(2) has no wrapper everywhere; what a thread starts with, pthreads know. */
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
