/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the machine keeps its libraries: what is written or moved there tells of itself. */
#pragma once

#include "datapath/attach/library_names.h"

#include <stdint.h>

struct local_files;

struct library_dirs {
	uint32_t host_pid;	   /* a process whose root is the machine's */
	int watches[LIBRARY_DIRS]; /* of inotify; -1 = none */
};

/* Begins to watch library_dirs of the machine's root with |inotify_fd|. */
void library_dirs_watch(struct library_dirs *d, struct local_files *local, int inotify_fd);

/* The directory of |watch|, if |name| is that of a library which may derive TLS keys, or NULL.
 * Those that are links to one another are the first of them. */
const char *library_dirs_find(const struct library_dirs *d, int watch, const char *name);

/* Watches the file or directory |fd|, which may be of O_PATH. As inotify_add_watch(). */
int library_watch(int inotify_fd, int fd, uint32_t events);
