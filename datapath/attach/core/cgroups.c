// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* open_by_handle_at with a kernfs handle (fs/kernfs/mount.c: FILEID_KERNFS), then the path of the
 * opened directory. */
#include "datapath/attach/core/cgroups.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILEID_KERNFS 0xfe

struct kernfs_handle {
	struct file_handle handle;
	uint64_t id;
};

int cgroups_path(const char *root, uint64_t cgroup_id, char *out, size_t size)
{
	struct kernfs_handle h = {
		.handle = {.handle_bytes = sizeof(h.id), .handle_type = FILEID_KERNFS},
		.id = cgroup_id,
	};
	cleanup_close int mount_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;
	char link[64], path[512];
	size_t root_bytes = strlen(root);
	ssize_t n;

	if (mount_fd < 0)
		return -errno;
	fd = open_by_handle_at(mount_fd, &h.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ESTALE ? -ENOENT : -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = 0;
	if ((size_t)n < root_bytes || (size_t)n - root_bytes >= size)
		return -ENAMETOOLONG;
	snprintf(out, size, "%s", path[root_bytes] ? path + root_bytes : "/");
	return 0;
}
