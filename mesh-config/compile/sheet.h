/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builder for the cells of a block: offsets inside the block are known before its place in the
 * arena is. */
#pragma once

#include <linux/types.h>
#include <stdint.h>

#include "bpf/abi.h"

#define SHEET_CELLS_MAX (1u << 22)

struct sheet {
	char *cells;
	uint32_t count, capacity;
	int error; /* sticky: -ENOMEM, -ENOSPC */
};

/* Adds |count| zeroed cells; returns the number of the first, from 0. */
uint32_t sheet_add(struct sheet *s, uint32_t count);

/* Borrowed until the next sheet_add. */
void *sheet_at(const struct sheet *s, uint32_t cell);

void sheet_free(struct sheet *s);
