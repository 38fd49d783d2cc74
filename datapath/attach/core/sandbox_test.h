/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: a loopback and a mount namespace of their own, and a cgroup that tells their programs
 * from others. */
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static char cgroup_dir[300]; /* empty: there is none */

/* The servers listen on a loopback of their own. */
static inline int private_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd cleanup_close = -1;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) ? -1 : 0;
}

static inline bool find_cgroup2(char out[256])
{
	FILE *mounts cleanup_fclose = fopen("/proc/self/mounts", "re");
	char line[1024], type[64];

	while (mounts && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %255s %63s", out, type) == 2 && !strcmp(type, "cgroup2"))
			return true;
	return false;
}

static inline int enter_cgroup(const char *dir)
{
	char path[320];
	int fd cleanup_close = -1;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -1;
}

/* Enters a new cgroup. Its id, 0 when there is no cgroup v2. */
static inline uint64_t private_cgroup(void)
{
	char root[256];
	struct stat st;

	if (!find_cgroup2(root))
		return 0;
	snprintf(cgroup_dir, sizeof(cgroup_dir), "%s/weft-test-%d", root, getpid());
	if (!mkdir(cgroup_dir, 0755) && !enter_cgroup(cgroup_dir) && !stat(cgroup_dir, &st))
		return st.st_ino;
	return 0;
}

static inline void leave_cgroup(void)
{
	char *slash = strrchr(cgroup_dir, '/');

	if (!slash)
		return;
	*slash = 0;
	enter_cgroup(cgroup_dir);
	*slash = '/';
	rmdir(cgroup_dir);
}
