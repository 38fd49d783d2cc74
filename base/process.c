// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* clock_gettime and /proc/self/statm, kept open: a process that may open nothing any
 * more reads on. */
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t process_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t process_now_us(void)
{
	return process_now_ns() / 1000;
}

uint64_t process_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t process_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t process_resident_bytes(void)
{
	static int fd = -1;
	static pid_t owner;
	unsigned long total, resident;
	char buffer[128];
	ssize_t n;

	if (fd < 0 || owner != getpid()) { /* forked since: that file speaks of the parent */
		fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
		owner = getpid();
	}
	n = pread(fd, buffer, sizeof(buffer) - 1, 0);
	if (n <= 0)
		return 0;
	buffer[n] = 0;
	if (sscanf(buffer, "%lu %lu", &total, &resident) != 2)
		return 0;
	return (uint64_t)resident * (uint64_t)getpagesize();
}
