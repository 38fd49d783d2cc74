// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* getrlimit and /proc/self/fd, whose st_size is the number of open descriptors since Linux 6.2. */
#include "base/descriptors.h"

#include "base/cleanup.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define RESERVE	      64
#define RESERVE_SHARE 4 /* the reserve is at most this part of the limit */

void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Without ".", ".." and the descriptor of the walk itself. */
static uint64_t count_entries(void)
{
	cleanup_closedir DIR *dir = opendir("/proc/self/fd");
	uint64_t count = 0;

	while (dir && readdir(dir))
		count++;
	return count > 3 ? count - 3 : 0;
}

struct descriptors descriptors_count(void)
{
	struct descriptors d = {0};
	struct rlimit limit;
	struct stat st;

	if (!getrlimit(RLIMIT_NOFILE, &limit))
		d.limit = limit.rlim_cur;
	if (!stat("/proc/self/fd", &st))
		d.used = (uint64_t)st.st_size;
	if (!d.used)
		d.used = count_entries();
	return d;
}

uint64_t descriptors_reserve(uint64_t limit)
{
	return limit / RESERVE_SHARE < RESERVE ? limit / RESERVE_SHARE : RESERVE;
}

bool descriptors_spare(void)
{
	struct descriptors d = descriptors_count();

	return d.used + descriptors_reserve(d.limit) < d.limit;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void descriptors_keep(int *fds, size_t count)
{
	int next = 0;

	qsort(fds, count, sizeof(*fds), compare);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] > next)
			close_range((unsigned)next, (unsigned)fds[i] - 1, 0);
		if (fds[i] >= next)
			next = fds[i] + 1;
	}
	close_range((unsigned)next, ~0u, 0);
}

bool descriptors_short(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}
