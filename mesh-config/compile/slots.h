/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cell for each small number, whose index never changes: others may point to it unseen. */
#pragma once

#include "mesh-config/compile/cells.h"

struct slots {
	struct cells *cells; /* borrowed */
	uint32_t *chunks;    /* first cells, 0 = none yet */
	uint32_t count;
};

/* The cell of |number|, content undefined when it is new. 0: see cells_error, or no memory. */
uint32_t slots_cell(struct slots *s, uint32_t number);

/* The same of a number that has one. */
uint32_t slots_find(const struct slots *s, uint32_t number);

void slots_free(struct slots *s);
