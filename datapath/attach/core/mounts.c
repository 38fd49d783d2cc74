// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds and creates mounts: /proc/self/mounts through getmntent, statfs magics. */
#include "datapath/attach/core/mounts.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS_DEFAULT "/sys/fs/bpf"

/* Only the root has no cgroup.type (Documentation/admin-guide/cgroup-v2.rst). */
bool mounts_is_cgroup2_root(const char *path)
{
	char type[512];

	snprintf(type, sizeof(type), "%s/cgroup.type", path);
	return access(type, F_OK) != 0;
}

int mounts_find_cgroup2(char *out, size_t size, struct error *err)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int found = -ENOENT;

	while (mounts && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_type, "cgroup2") != 0)
			continue;
		if (found && mounts_is_cgroup2_root(m->mnt_dir)) {
			snprintf(out, size, "%s", m->mnt_dir);
			found = 0;
		} else if (found == -ENOENT) {
			snprintf(out, size, "%s", m->mnt_dir);
			found = -EXDEV; /* only a subtree, used if there is nothing else */
		}
	}
	found = found == -EXDEV ? 0 : found;
	if (mounts)
		endmntent(mounts);
	if (found)
		return error_set(
			err, found,
			"no cgroup2 tree is mounted; try: mount -t cgroup2 none /sys/fs/cgroup");
	return 0;
}

bool mounts_is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static int make_directories(const char *dir, mode_t mode)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", dir);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}

bool mounts_has_entries(const char *dir)
{
	cleanup_closedir DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return true;
	return false;
}

int mounts_mount_bpffs(const char *dir, struct error *err)
{
	if (mounts_has_entries(dir))
		return error_set(err, -ENOTEMPTY,
				 "%s is not empty, and not on a bpf file system: one that is "
				 "mounted there would hide what it has",
				 dir);
	if (!mount("bpf", dir, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return 0;
	return error_set(err, -errno, "cannot mount a bpf file system on %s: %s", dir,
			 strerror(errno));
}

int mounts_make_directory(const char *dir, bool *ret_made, struct error *err)
{
	bool below_default = !strncmp(dir, BPFFS_DEFAULT "/", sizeof(BPFFS_DEFAULT));
	int r = 0;

	if (below_default && !mounts_is_bpffs(BPFFS_DEFAULT))
		r = mounts_mount_bpffs(BPFFS_DEFAULT, err);
	if (r)
		return r;
	*ret_made = access(dir, F_OK) != 0;
	r = make_directories(dir, 0700);
	if (r)
		return error_set(err, r, "cannot make the directory %s: %s", dir, strerror(-r));
	return 0;
}

int mounts_ensure_bpffs(const char *dir, struct error *err)
{
	bool made;
	int r = mounts_make_directory(dir, &made, err);

	return r || mounts_is_bpffs(dir) ? r : mounts_mount_bpffs(dir, err);
}

static bool is_mount_point(const char *dir)
{
	struct stat here, above;
	char parent[512];

	snprintf(parent, sizeof(parent), "%s/..", dir);
	return !stat(dir, &here) && !stat(parent, &above) && here.st_dev != above.st_dev;
}

void mounts_release_bpffs(const char *dir)
{
	if (mounts_is_bpffs(dir) && is_mount_point(dir) && strcmp(dir, BPFFS_DEFAULT) != 0)
		umount2(dir, MNT_DETACH);
	rmdir(dir);
}
