// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Directories are opened like files of other programs: they may lie on another file system. */
#include "datapath/attach/tls/library_dirs.h"

#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/core/local_files.h"

int library_watch(int inotify_fd, int fd, uint32_t events)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(inotify_fd, path, events);
}

void library_dirs_watch(struct library_dirs *d, struct local_files *local, int inotify_fd)
{
	char root[2];

	d->host_pid = readlink("/proc/1/root", root, sizeof(root)) < 0 ? (uint32_t)getpid() : 1;
	for (size_t i = 0; i < LIBRARY_DIRS; i++) {
		int fd cleanup_close =
			local_files_open_directory(local, d->host_pid, library_dirs[i]);

		d->watches[i] =
			fd < 0 ? -1 : library_watch(inotify_fd, fd, IN_MOVED_TO | IN_CLOSE_WRITE);
	}
}

const char *library_dirs_find(const struct library_dirs *d, int watch, const char *name)
{
	if (!library_name_begins(name, LIBRARY_CRYPTO) && !library_name_begins(name, LIBRARY_SSL))
		return NULL;
	for (size_t i = 0; i < LIBRARY_DIRS; i++)
		if (d->watches[i] == watch)
			return library_dirs[i];
	return NULL;
}
