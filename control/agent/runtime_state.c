// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Paths of the state files of system-wide container runtimes; those of users are not read. */
#include "control/agent/runtime_state.h"

#include "base/cleanup.h"
#include "datapath/attach/core/local_files.h"
#include "datapath/observe/cgroup_name.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* %s: the container's id. */
static const struct {
	const char *directory;
	const char *files;
} patterns[] = {
	{"/var/lib/docker/containers", "%s/config.v2.json"},
	{"/run/containerd/io.containerd.runtime.v2.task", "*/%s/config.json"},
	{"/var/lib/containers/storage", "*-containers/containers.json%.0s"},
	{"/var/lib/containers/storage", "*-containers/volatile-containers.json%.0s"},
	{"/run/containers/storage", "*-containers/volatile-containers.json%.0s"},
};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static int open_trusted(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid)
		return -ENOENT;
	return take_fd(&fd);
}

/* Opens the |*n|-th file that matches a pattern: a descriptor, or -ENOENT. Reduces |*n| by the
 * number of matches, to 0 if it was among them. */
static int open_nth(struct local_files *local, size_t pattern, const char *id, size_t *n)
{
	cleanup_close int directory =
		local_files_open_directory(local, (uint32_t)getpid(), patterns[pattern].directory);
	char path[256];
	glob_t found = {0};
	int begin, fd = -ENOENT;

	if (directory < 0)
		return -ENOENT;
	begin = snprintf(path, sizeof(path), "/proc/self/fd/%d/", directory);
	snprintf(path + begin, sizeof(path) - (size_t)begin, patterns[pattern].files, id);
	glob(path, GLOB_NOSORT, NULL, &found);
	if (*n <= found.gl_pathc)
		fd = open_trusted(found.gl_pathv[*n - 1]);
	*n -= *n <= found.gl_pathc ? *n : found.gl_pathc;
	globfree(&found);
	return fd;
}

int runtime_state_open(struct local_files *local, const char *cgroup_path, unsigned n)
{
	char id[CGROUP_CONTAINER_ID_BYTES + 1];
	size_t left = n;
	int fd = -ENOENT;

	if (!n || !cgroup_container_id(cgroup_path, id))
		return -ENOENT;
	for (size_t i = 0; i < PATTERNS && left; i++)
		fd = open_nth(local, i, id, &left);
	return fd;
}
