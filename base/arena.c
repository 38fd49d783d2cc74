// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Blocks double in size from 4 KiB to 1 MiB; a larger request gets a block of its own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN_BYTES 4096u
#define BLOCK_MAX_BYTES (1u << 20)

struct arena_block {
	struct arena_block *before;
	size_t size_bytes;
	char data[] __attribute__((aligned(8)));
};

static struct arena_block *block_add(struct arena *a, size_t size_bytes)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size_bytes);

	if (!block) {
		a->failed = true;
		return NULL;
	}
	block->size_bytes = size_bytes;
	block->before = a->blocks;
	a->blocks = block;
	return block;
}

static size_t block_size(const struct arena *a)
{
	size_t doubled = a->blocks ? a->blocks->size_bytes * 2 : BLOCK_MIN_BYTES;

	if (doubled < BLOCK_MIN_BYTES)
		return BLOCK_MIN_BYTES;
	return doubled < BLOCK_MAX_BYTES ? doubled : BLOCK_MAX_BYTES;
}

void *arena_take(struct arena *a, size_t size_bytes)
{
	size_t rounded = (size_bytes + 7) & ~(size_t)7, fresh = block_size(a);
	struct arena_block *block;
	char *taken;

	if (rounded <= (size_t)(a->end - a->next)) {
		taken = a->next;
		a->next += rounded;
		return taken;
	}
	if (rounded < size_bytes) {
		a->failed = true;
		return NULL;
	}
	block = block_add(a, rounded > fresh ? rounded : fresh);
	if (!block)
		return NULL;
	a->next = block->data + rounded;
	a->end = block->data + block->size_bytes;
	return block->data;
}

char *arena_copy(struct arena *a, const char *data, size_t size_bytes)
{
	char *copy = arena_take(a, size_bytes + 1);

	if (copy && size_bytes)
		memcpy(copy, data, size_bytes);
	return copy;
}

const char *arena_format(struct arena *a, const char *format, ...)
{
	char text[1024];
	va_list args;
	const char *copy;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	copy = arena_copy(a, text, strlen(text));
	return copy ? copy : "";
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *before = a->blocks->before;

		free(a->blocks);
		a->blocks = before;
	}
	*a = (struct arena){0};
}
