/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of the mesh that cannot be read: nothing is applied before each of them is mended. */
#pragma once

#include <stddef.h>

/* Of the directory, at the start: a file system that is not mounted looks like this. */
#define UNREADABLE_EMPTY "it has no file at all: what an earlier agent put in force stays"

/* The latest first; NULL: there is none. */
struct unreadable {
	char *name; /* "" is the directory itself */
	char *problem;
	struct unreadable *next;
};

/* Both texts are copied. Where memory is short it is forgotten; what the file had goes on. */
void unreadable_add(struct unreadable **list, const char *name, const char *problem);

void unreadable_drop(struct unreadable **list, const char *name);
void unreadable_clear(struct unreadable **list);

/* What is wrong with |u| and what mends it, for people. */
void unreadable_text(const struct unreadable *u, char *out, size_t size);
