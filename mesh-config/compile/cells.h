/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The arena of bpf/abi_mesh.h in the making: cells that change in place from generation to
 * generation, with a memory of what changed when, so that a copy of an older generation becomes the
 * newest by copying little. */
#pragma once

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct cells;

/* At most |max_cells|; memory that is not used costs nothing. NULL when memory is short. Cell 0 is
 * there from the start. */
struct cells *cells_new(uint32_t max_cells);
void cells_free(struct cells *c); /* NULL is fine */

/* The index of the first of |count| adjacent cells, content undefined; 0 when there is no room,
 * which cells_error remembers. There is some slack behind, see cells_fit. */
uint32_t cells_alloc(struct cells *c, uint32_t count);

/* How many cells an allocation of |count| really has: growing up to here needs no move. */
uint32_t cells_fit(uint32_t count);

/* The same for |new_count| instead of the |count| cells at |first| (0: none): they stay where they
 * are when they fit, else their content is not taken along. */
uint32_t cells_realloc(struct cells *c, uint32_t first, uint32_t count, uint32_t new_count);

/* |first| 0 is fine. */
void cells_release(struct cells *c, uint32_t first, uint32_t count);

/* Writes one cell, or |count|. What has that content already has not changed. */
void cells_put(struct cells *c, uint32_t index, const void *cell);
void cells_put_all(struct cells *c, uint32_t first, const void *cells, uint32_t count);

/* Borrowed until the cell is put. */
const void *cells_get(const struct cells *c, uint32_t index);

uint32_t cells_count(const struct cells *c); /* from cell 0 to the last that was ever in use */
int cells_error(const struct cells *c);	     /* sticky: 0, -ENOSPC, -ENOMEM */

/* Changes from now on are of epoch |epoch|, which grows. */
void cells_epoch_set(struct cells *c, uint64_t epoch);

/* What a copy holds; all zero: nothing yet. */
struct cells_held {
	uint64_t epoch; /* what |c| held at the end of it, */
	uint64_t ahead; /* but of this one */
	uint32_t end;	/* before this cell */
};

/* Makes |target| hold what |c| holds, or goes on with that: about |most| cells are copied, and
 * |held| says how far it is. |target| has at least cells_count(c) cells. Returns how many were
 * copied. */
uint32_t cells_copy(const struct cells *c, struct cells_held *held, void *target, uint32_t most);

/* Whether nothing is left to be copied. */
bool cells_copied(const struct cells *c, const struct cells_held *held);
