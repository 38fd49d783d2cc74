/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builder for the cells of a block: offsets inside the block are known before its place in the
 * arena is. */
#pragma once

#include <linux/types.h>
#include <stdint.h>

#include "bpf/abi.h"

#define CELL_BUILDER_MAX (1u << 22)

struct cell_builder {
	char *cells;
	uint32_t count, capacity;
	int error; /* sticky: -ENOMEM, -ENOSPC */
};

/* Adds |count| zeroed cells; returns the number of the first, from 0. */
uint32_t cell_builder_add(struct cell_builder *s, uint32_t count);

/* Borrowed until the next cell_builder_add. */
void *cell_builder_at(const struct cell_builder *s, uint32_t cell);

void cell_builder_free(struct cell_builder *s);
