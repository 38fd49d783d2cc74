/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An arena: memory that is allocated in pieces and freed all at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;

/* All zero is an empty arena. When an allocation fails |failed| is set and stays set. */
struct arena {
	struct arena_block *blocks;
	char *next;
	char *end;
	bool failed;
};

/* |size_bytes| zeroed bytes, aligned to 8, or NULL when memory is short. */
void *arena_take(struct arena *a, size_t size_bytes);

/* |count| zeroed elements of |type|, or NULL. */
#define arena_array(a, type, count) ((type *)arena_take(a, sizeof(type) * (size_t)(count)))

/* A copy with a NUL behind it, or NULL. */
char *arena_copy(struct arena *a, const char *data, size_t size_bytes);

/* Formats into the arena; "" when memory is short. */
const char *arena_format(struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Frees everything; the arena is empty then, and |failed| is reset. */
void arena_free(struct arena *a);
