/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The hash tables of an arena: linear probing in the order of Robin Hood, so that no key lies
 * WEFT_MESH_PROBES or more from its place and what was put in what order does not show. */
#pragma once

#include "mesh-config/compile/cells.h"

struct cells_table {
	struct cells *cells; /* borrowed */
	uint32_t first, mask;
	uint32_t count; /* keys */
	uint32_t seed;
	uint8_t key_bytes; /* the last byte of a key is its kind: 0 in empty buckets */
};

#define CELLS_TABLE_KEY	    20 /* struct weft_mesh_key */
#define CELLS_TABLE_MATCHER 9  /* value and kind of struct weft_mesh_matcher */

/* An empty table with room for |expected| keys before it grows. 0, or cells_error. */
int cells_table_init(struct cells_table *t, struct cells *c, uint8_t key_bytes, uint32_t seed,
		     uint32_t expected);

/* Puts a cell in, or in the place of the one with its key. 0; -EXFULL: keys collide so that
 * growing does not help, another seed will; or cells_error. */
int cells_table_put(struct cells_table *t, const void *cell);

/* The index of the cell that begins with |key|, 0 if there is none. */
uint32_t cells_table_find(const struct cells_table *t, const void *key);

/* -ENOENT when it is not there. */
int cells_table_remove(struct cells_table *t, const void *key);

/* Empties it. */
void cells_table_clear(struct cells_table *t);
