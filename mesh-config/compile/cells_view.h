/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A compiled arena as a reader sees it. */
#pragma once

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Borrowed cells: of cells_get(c, 0), of a mapped arena, of a file. */
struct cells_view {
	const void *cells;
	uint32_t count;
};

/* NULL when there is no such cell; 0 is the header. */
const void *cells_view_at(const struct cells_view *v, uint32_t index);
const struct weft_mesh_header *cells_view_header(const struct cells_view *v);

/* What a visitor of fronts gets, in the order of the table. */
void cells_view_fronts(const struct cells_view *v,
		       void (*visit)(void *arg, const struct weft_mesh_front *front), void *arg);
