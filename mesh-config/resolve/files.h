/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files as they were read: immutable, shared by counting who holds them, by any number of threads.
 * What is in force can be shown after its files were replaced. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

struct mesh_file {
	_Atomic uint32_t holders;
	const char *name;
	struct slice bytes; /* with a NUL behind them */
};

/* A copy of both, held once. NULL when memory is short. */
struct mesh_file *mesh_file_new(const char *name, struct slice bytes);
struct mesh_file *mesh_file_get(struct mesh_file *f);
void mesh_file_put(struct mesh_file *f); /* NULL is fine */

/* Files that belong together; a place in the list is that of one file as long as it is there. */
struct mesh_files {
	_Atomic uint32_t holders;
	uint32_t count; /* places */
	uint32_t file_count;
	uint64_t size_bytes;	   /* of all */
	struct mesh_file *items[]; /* NULL: the place is free */
};

/* An empty list with |count| places, held once. NULL when memory is short. */
struct mesh_files *mesh_files_new(uint32_t count);
void mesh_files_set(struct mesh_files *all, uint32_t place,
		    struct mesh_file *f); /* held once more */
struct mesh_files *mesh_files_get(struct mesh_files *all);
void mesh_files_put(struct mesh_files *all); /* NULL is fine */

/* Bytes of |old| that |new| does not share with it. */
uint64_t mesh_files_unshared(const struct mesh_files *old, const struct mesh_files *new);
