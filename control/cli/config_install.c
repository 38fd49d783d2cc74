// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes ".NAME.weft" beside each file, then renames: names that begin with a dot are not read as
 * configuration. */
#include "control/cli/config_install.h"

#include "base/cleanup.h"
#include "control/source/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

struct installing {
	int dir_fd;
	const struct mesh_files *files;
	bool *same; /* by index: the file is there and has these bytes */
	struct install_counts *counts;
	struct error *err;
};

static const char *leaf_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static void beside(const struct mesh_file *f, char out[NAME_MAX + 1])
{
	snprintf(out, NAME_MAX + 1, ".%s.weft", leaf_of(f->name));
}

/* ---- one file */

static bool has_bytes(const struct installing *in, const struct mesh_file *f)
{
	cleanup_close int fd = openat(in->dir_fd, leaf_of(f->name), O_RDONLY | O_CLOEXEC);
	cleanup_free char *bytes = malloc(f->bytes.size_bytes + 1);
	size_t used = 0;
	ssize_t n = 1;

	while (fd >= 0 && bytes && n > 0 && used <= f->bytes.size_bytes) {
		n = read(fd, bytes + used, f->bytes.size_bytes + 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	return fd >= 0 && bytes && !n && slice_equal((struct slice){bytes, used}, f->bytes);
}

static int write_beside(const struct installing *in, const struct mesh_file *f)
{
	char name[NAME_MAX + 1];
	cleanup_close int fd = -1;
	size_t used = 0;
	ssize_t n;

	beside(f, name);
	fd = openat(in->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return error_set(in->err, -errno, "%s: %s", name, strerror(errno));
	while (used < f->bytes.size_bytes) {
		n = write(fd, f->bytes.data + used, f->bytes.size_bytes - used);
		if (n < 0)
			return error_set(in->err, -errno, "%s: %s", name, strerror(errno));
		used += (size_t)n;
	}
	return fsync(fd) ? error_set(in->err, -errno, "%s: %s", name, strerror(errno)) : 0;
}

/* ---- all of them */

static int prepare(struct installing *in)
{
	for (uint32_t i = 0; i < in->files->count; i++) {
		const struct mesh_file *f = in->files->items[i];
		int r = 0;

		if (!f)
			continue;
		in->same[i] = has_bytes(in, f);
		if (in->same[i])
			in->counts->same++;
		else
			r = write_beside(in, f);
		if (r)
			return r;
	}
	return 0;
}

static void forget(const struct installing *in)
{
	char name[NAME_MAX + 1];

	for (uint32_t i = 0; i < in->files->count; i++) {
		if (!in->files->items[i] || in->same[i])
			continue;
		beside(in->files->items[i], name);
		unlinkat(in->dir_fd, name, 0);
	}
}

static int rename_all(const struct installing *in)
{
	char name[NAME_MAX + 1];

	for (uint32_t i = 0; i < in->files->count; i++) {
		const struct mesh_file *f = in->files->items[i];

		if (!f || in->same[i])
			continue;
		beside(f, name);
		if (renameat(in->dir_fd, name, in->dir_fd, leaf_of(f->name)))
			return error_set(in->err, -errno, "%s: %s", leaf_of(f->name),
					 strerror(errno));
		in->counts->written++;
	}
	return 0;
}

static bool is_wanted(const struct installing *in, const char *name)
{
	for (uint32_t i = 0; i < in->files->count; i++)
		if (in->files->items[i] && !strcmp(leaf_of(in->files->items[i]->name), name))
			return true;
	return false;
}

static int remove_others(const struct installing *in)
{
	int fd = openat(in->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir)
		return error_set(in->err, -errno, "cannot list the directory: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		if (!directory_counts(entry->d_name) || is_wanted(in, entry->d_name))
			continue;
		if (unlinkat(in->dir_fd, entry->d_name, 0))
			return error_set(in->err, -errno, "%.200s: %s", entry->d_name,
					 strerror(errno));
		in->counts->removed++;
	}
	return 0;
}

static int change(const struct installing *in)
{
	int hold =
		openat(in->dir_fd, DIRECTORY_HOLD, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (hold < 0 && errno == EEXIST)
		return error_set(in->err, -EBUSY,
				 "another process is changing these files (if not: remove %s)",
				 DIRECTORY_HOLD);
	if (hold < 0)
		return error_set(in->err, -errno, "%s: %s", DIRECTORY_HOLD, strerror(errno));
	close(hold);
	r = rename_all(in);
	r = r ? r : remove_others(in);
	unlinkat(in->dir_fd, DIRECTORY_HOLD, 0);
	return r;
}

int install_files(const char *directory, const struct mesh_files *files, struct install_counts *ret,
		  struct error *err)
{
	cleanup_close int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free bool *same = calloc(files->count + 1u, sizeof(*same));
	struct installing in = {dir_fd, files, same, ret, err};
	int r;

	*ret = (struct install_counts){0};
	if (dir_fd < 0)
		return error_set(err, -errno, "%.200s: %s", directory, strerror(errno));
	if (!same)
		return error_set(err, -ENOMEM, "out of memory");
	r = prepare(&in);
	r = r ? r : change(&in);
	if (r)
		forget(&in);
	return r;
}
