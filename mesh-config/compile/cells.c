// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cells in one reserved run; free blocks are kept by size class, changes by chunk. */
#include "mesh-config/compile/cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELL	    ((size_t)WEFT_MESH_CELL_BYTES)
#define CHUNK_CELLS 64u /* 4 KiB: what is copied when one of them changed */
#define CLASSES	    128

struct free_list {
	uint32_t *firsts;
	uint32_t count, capacity;
};

struct cells {
	char *memory;
	uint64_t *changed; /* by chunk: epoch of the latest change */
	uint32_t max, count;
	uint64_t epoch;
	int error;
	struct free_list free_lists[CLASSES];
};

struct cells *cells_new(uint32_t max_cells)
{
	struct cells *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->memory = calloc(max_cells, CELL);
	c->changed = calloc(max_cells / CHUNK_CELLS + 1, sizeof(*c->changed));
	c->max = max_cells;
	c->count = 1;
	c->epoch = 1;
	if (c->memory && c->changed)
		return c;
	cells_free(c);
	return NULL;
}

void cells_free(struct cells *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < CLASSES; i++)
		free(c->free_lists[i].firsts);
	free(c->memory);
	free(c->changed);
	free(c);
}

/* Sizes 1 to 8, then four to each doubling: at most a quarter is slack. */
static uint32_t class_of(uint32_t count)
{
	uint32_t shift;

	if (count <= 8)
		return count - 1;
	shift = 29 - (uint32_t)__builtin_clz(count - 1);
	return (shift << 2) + ((count - 1) >> shift);
}

static uint32_t class_size(uint32_t class)
{
	uint32_t shift;

	if (class < 8)
		return class + 1;
	shift = (class >> 2) - 1;
	return ((class & 3) + 5) << shift;
}

uint32_t cells_fit(uint32_t count)
{
	return count ? class_size(class_of(count)) : 0;
}

static uint32_t fail(struct cells *c, int error)
{
	if (!c->error)
		c->error = error;
	return 0;
}

uint32_t cells_alloc(struct cells *c, uint32_t count)
{
	struct free_list *f;
	uint32_t first = c->count;

	if (!count || count > c->max)
		return fail(c, -ENOSPC);
	f = &c->free_lists[class_of(count)];
	if (f->count)
		return f->firsts[--f->count];
	if (cells_fit(count) > c->max - c->count)
		return fail(c, -ENOSPC);
	c->count += cells_fit(count);
	for (uint32_t i = first / CHUNK_CELLS; i <= (c->count - 1) / CHUNK_CELLS; i++)
		c->changed[i] = c->epoch; /* copies have never seen them, not even zeroed */
	return first;
}

void cells_release(struct cells *c, uint32_t first, uint32_t count)
{
	struct free_list *f;
	uint32_t *grown;

	if (!first || !count)
		return;
	f = &c->free_lists[class_of(count)];
	if (f->count == f->capacity) {
		grown = realloc(f->firsts, (f->capacity * 2 + 16) * sizeof(*grown));
		if (!grown) {
			fail(c, -ENOMEM);
			return;
		}
		f->firsts = grown;
		f->capacity = f->capacity * 2 + 16;
	}
	f->firsts[f->count++] = first;
}

uint32_t cells_realloc(struct cells *c, uint32_t first, uint32_t count, uint32_t new_count)
{
	if (first && new_count && class_of(count) == class_of(new_count))
		return first;
	cells_release(c, first, count);
	return new_count ? cells_alloc(c, new_count) : 0;
}

void cells_put(struct cells *c, uint32_t index, const void *cell)
{
	char *at = c->memory + index * CELL;

	if (!memcmp(at, cell, CELL))
		return;
	memcpy(at, cell, CELL);
	c->changed[index / CHUNK_CELLS] = c->epoch;
}

void cells_put_all(struct cells *c, uint32_t first, const void *cells, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		cells_put(c, first + i, (const char *)cells + i * CELL);
}

const void *cells_get(const struct cells *c, uint32_t index)
{
	return c->memory + index * CELL;
}

uint32_t cells_count(const struct cells *c)
{
	return c->count;
}

int cells_error(const struct cells *c)
{
	return c->error;
}

void cells_epoch_set(struct cells *c, uint64_t epoch)
{
	c->epoch = epoch;
}

/* The chunk of |first|. Returns how many cells were copied. */
static uint32_t chunk_copy(const struct cells *c, uint32_t first, uint64_t epoch, void *target)
{
	uint32_t n = c->count - first < CHUNK_CELLS ? c->count - first : CHUNK_CELLS;

	if (epoch && c->changed[first / CHUNK_CELLS] <= epoch)
		return 0;
	memcpy((char *)target + first * CELL, c->memory + first * CELL, n * CELL);
	return n;
}

uint32_t cells_copy(const struct cells *c, struct cells_held *held, void *target, uint32_t most)
{
	uint32_t copied = 0;

	for (uint32_t first = 0; first < held->end && held->ahead != c->epoch; first += CHUNK_CELLS)
		copied += chunk_copy(c, first, held->ahead, target);
	held->ahead = c->epoch;
	for (; held->end < c->count && copied < most; held->end += CHUNK_CELLS)
		copied += chunk_copy(c, held->end, held->epoch, target);
	if (held->end >= c->count)
		*held = (struct cells_held){.epoch = c->epoch};
	return copied;
}

bool cells_copied(const struct cells *c, const struct cells_held *held)
{
	return held->epoch == c->epoch;
}
