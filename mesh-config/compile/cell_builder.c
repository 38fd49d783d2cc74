// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A growing array of cells. */
#include "mesh-config/compile/cell_builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELL ((size_t)WEFT_MESH_CELL_BYTES)

static int reach(struct cell_builder *s, uint32_t count)
{
	uint32_t capacity = count + count / 2 + 64;
	char *grown;

	if (count > CELL_BUILDER_MAX)
		return -ENOSPC;
	if (count <= s->capacity)
		return 0;
	grown = realloc(s->cells, capacity * CELL);
	if (!grown)
		return -ENOMEM;
	s->cells = grown;
	s->capacity = capacity;
	return 0;
}

uint32_t cell_builder_add(struct cell_builder *s, uint32_t count)
{
	uint32_t first = s->count;

	if (!count)
		return first;
	if (!s->error && count <= CELL_BUILDER_MAX)
		s->error = reach(s, s->count + count);
	else if (!s->error)
		s->error = -ENOSPC;
	if (s->error)
		return 0;
	memset(s->cells + first * CELL, 0, count * CELL);
	s->count += count;
	return first;
}

void *cell_builder_at(const struct cell_builder *s, uint32_t cell)
{
	return s->cells + cell * CELL;
}

void cell_builder_free(struct cell_builder *s)
{
	free(s->cells);
	*s = (struct cell_builder){0};
}
