// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Chunks of cells, allocated when the first of them is asked for. */
#include "mesh-config/compile/slots.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 256u

static int reach(struct slots *s, uint32_t chunk)
{
	uint32_t count = chunk + chunk / 2 + 16;
	uint32_t *grown;

	if (chunk < s->count)
		return 0;
	grown = realloc(s->chunks, count * sizeof(*grown));
	if (!grown)
		return -1;
	memset(grown + s->count, 0, (count - s->count) * sizeof(*grown));
	s->chunks = grown;
	s->count = count;
	return 0;
}

uint32_t slots_cell(struct slots *s, uint32_t number)
{
	uint32_t chunk = number / CHUNK;

	if (reach(s, chunk))
		return 0;
	if (!s->chunks[chunk])
		s->chunks[chunk] = cells_alloc(s->cells, CHUNK);
	return s->chunks[chunk] ? s->chunks[chunk] + number % CHUNK : 0;
}

uint32_t slots_find(const struct slots *s, uint32_t number)
{
	return s->chunks[number / CHUNK] + number % CHUNK;
}

void slots_free(struct slots *s)
{
	free(s->chunks);
	*s = (struct slots){.cells = s->cells};
}
