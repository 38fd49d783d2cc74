/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files of a directory as they were last reported: a tree of tsearch(3), NULL when empty. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* Any difference is a change. */
struct known {
	char *name; /* in the directory */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	bool filled; /* the last report of this very file had content */
	bool seen;   /* seen by the current walk */
};

/* NULL: there is none of this name. */
struct known *known_get(void *files, const char *name);

/* Adds one of this name; there must be none. NULL when memory is short. */
struct known *known_make(void **files, const char *name);

void known_drop(void **files, struct known *k);
void known_free_all(void **files);

bool known_is_same(const struct known *k, const struct stat *s);
void known_remember(struct known *k, const struct stat *s);
