// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where runtimes of the system keep their state; those of users are not asked. */
#include "control/runtime_state.h"

#include "base/cleanup.h"
#include "datapath/observe/cgroup_name.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* %s: the container's id. */
static const char *const patterns[] = {
	"/var/lib/docker/containers/%s/config.v2.json",
	"/run/containerd/io.containerd.runtime.v2.task/*/%s/config.json",
	"/var/lib/containers/storage/*-containers/containers.json%.0s",
	"/var/lib/containers/storage/*-containers/volatile-containers.json%.0s",
	"/run/containers/storage/*-containers/volatile-containers.json%.0s",
};

static int open_trusted(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid)
		return -ENOENT;
	return take_fd(&fd);
}

int runtime_state_open(const char *cgroup_path, unsigned n)
{
	char id[CGROUP_CONTAINER_ID_BYTES + 1], pattern[256];
	glob_t found = {0};
	int fd = -ENOENT;

	if (!cgroup_container_id(cgroup_path, id))
		return -ENOENT;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		snprintf(pattern, sizeof(pattern), patterns[i], id);
		glob(pattern, GLOB_NOSORT | (i ? GLOB_APPEND : 0), NULL, &found);
	}
	if (n && n <= found.gl_pathc)
		fd = open_trusted(found.gl_pathv[n - 1]);
	globfree(&found);
	return fd;
}
