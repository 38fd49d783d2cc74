/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cells of policy steps and of the values that they test, each content once. They are put from the
 * ends of a graph to its beginning, so that whatever a step points to is there before it: equal
 * graphs become one. */
#pragma once

#include <linux/types.h>
#include <stdint.h>

#include "bpf/abi.h"

#define STEPS_CELLS_MAX (1u << 20)

struct steps {
	struct weft_mesh_step *cells; /* what another kind of cell holds lies here byte by byte */
	uint32_t *lengths;	      /* by cell: steps on the longest way from here; values: 0 */
	uint32_t count, capacity;
	uint32_t base;	 /* index of cells[0] in the arena */
	uint32_t *slots; /* hash of contents: number of a cell + 1 */
	uint32_t slot_mask;
	int error; /* sticky: -ENOMEM, -E2BIG (more than STEPS_CELLS_MAX) */
};

/* An empty set whose first cell will have the index 1. 0, -ENOMEM. */
int steps_init(struct steps *s);
void steps_free(struct steps *s);

/* The index of a cell with the content of |step|, put when there is none; 0 after an error. */
uint32_t steps_put(struct steps *s, const struct weft_mesh_step *step);

/* The index of the first of |count| cells with the content of |cells| (values). */
uint32_t steps_put_values(struct steps *s, const struct weft_mesh_step *cells, uint32_t count);

/* Steps on the longest way from |step|, itself included; 0 for step 0. */
uint32_t steps_length(const struct steps *s, uint32_t step);

/* Moves every cell, so that the first has the index |base| (not 0). */
void steps_move(struct steps *s, uint32_t base);
