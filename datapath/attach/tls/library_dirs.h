/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host's library directories, watched for files that are written or moved there. */
#pragma once

#include "datapath/attach/tls/library_names.h"

#include <stdint.h>

struct local_files;

struct library_dirs {
	uint32_t host_pid;	   /* a process whose root directory is the host's */
	int watches[LIBRARY_DIRS]; /* of inotify; -1 = none */
};

/* Begins to watch library_dirs below the host's root with |inotify_fd|. */
void library_dirs_watch(struct library_dirs *d, struct local_files *local, int inotify_fd);

/* The directory of |watch|, if |name| is that of a library which may derive TLS keys, or NULL. Of
 * directories that are links to one another the first is returned. */
const char *library_dirs_find(const struct library_dirs *d, int watch, const char *name);

/* Watches the file or directory |fd|, which may be an O_PATH descriptor. Like
 * inotify_add_watch(). */
int library_watch(int inotify_fd, int fd, uint32_t events);
