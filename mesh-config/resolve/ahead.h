/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies of what the next build most likely takes over from the last one and changes a little of.
 * They are made part by part while nothing is to be built, so that a change costs what it changes,
 * and not what there is. */
#pragma once

#include "mesh-config/model/rows.h"

struct built;
struct resolve;

/* What is copied: the rows of an array, by its enum mesh_array, and these. */
enum {
	AHEAD_WORK = ROWS_COUNT, /* of services */
	AHEAD_ADDRESSES,	 /* the lookup of workloads */
	AHEAD_ENDPOINT_ENDS,	 /* the last 16 bits of each address, as struct ahead_end */
	AHEAD_ADDRESS_ENDS,
	AHEAD_COUNT,
};

/* The last 16 bits of an address. To look at them is much quicker than to look at all rows. */
struct ahead_end {
	uint8_t bytes[2];
};

struct ahead_copy {
	void *block; /* of shared.h; NULL: none */
	size_t room_bytes, copied_bytes;
	bool wanted; /* a build has asked for it */
};

struct ahead {
	struct ahead_copy copies[AHEAD_COUNT];
};

/* Copies at most a quarter of a MiB. True: there is more to do. */
bool ahead_step(struct built *last);

/* |last| becomes a build whose mesh is |mesh|: keeps the copies of what both have in common. */
void ahead_keep(struct built *last, const struct mesh *mesh);

void ahead_free(struct ahead *a);

/* A block of shared.h that the caller owns, with what the last build has, made now when it was not
 * before. NULL when there is nothing or memory is short. */
void *ahead_copy(struct resolve *r, uint32_t what);

/* The same, NULL when no copy was begun. */
void *ahead_take(struct resolve *r, uint32_t what);

/* Begins |r->rows[array]|, without a row yet, with such a copy. Whether there was one. */
bool ahead_rows(struct resolve *r, enum mesh_array array);
