/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Classifies mapped files by name: which may contain TLS, which cannot be probed, and where they
 * are. Only the last component of |path| counts. The host's directories of libraries are watched
 * for files that are written or moved there. */
#pragma once

#include "base/tls_stacks.h"

#include <stdbool.h>
#include <stdint.h>

#define LIBRARY_CRYPTO "libcrypto" /* prefix of names */
#define LIBRARY_SSL    "libssl"

/* Directories in which libcrypto is found before a process maps it. */
#define LIBRARY_CRYPTO_3 "libcrypto.so.3"
#define LIBRARY_DIRS	 7
extern const char *const library_dirs[LIBRARY_DIRS];

bool library_name_begins(const char *path, const char *with);

/* Whether it is a dynamic loader, whose mapping means that a program starts. */
bool library_name_is_loader(const char *path);

/* Whether the file is examined regardless of its size. */
bool library_name_matters(const char *path);

/* The unsupported TLS library with this name; TLS_STACK_NONE if the name does not tell. */
enum tls_stack library_name_stack(const char *path);

/* Stores the reason to show if a TLS library of this name cannot be probed. False if the name is
 * not that of a TLS library. */
bool library_name_reason(const char *path, char ret[128]);

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
