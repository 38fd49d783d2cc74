/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A read position with a sticky error: reads past the end return zeros, and one check at the end
 * tells. */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct cursor {
	const uint8_t *next;
	const uint8_t *end;
	bool failed; /* a read went past the end */
};

static inline struct cursor cursor_over(const void *data, size_t size_bytes)
{
	const uint8_t *start = data ? data : (const uint8_t *)""; /* no arithmetic on NULL */

	return (struct cursor){start, start + size_bytes, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->next);
}

/* Takes |size_bytes|; on failure the result is empty and the cursor stays failed. */
static inline struct slice cursor_take(struct cursor *c, size_t size_bytes)
{
	struct slice taken = {(const char *)c->next, size_bytes};

	if (c->failed || cursor_left(c) < size_bytes) {
		c->failed = true;
		return (struct slice){0};
	}
	c->next += size_bytes;
	return taken;
}

/* Reads an unsigned big-endian number of |size_bytes| (1 to 8). */
static inline uint64_t cursor_number_be(struct cursor *c, size_t size_bytes)
{
	struct slice s = cursor_take(c, size_bytes);
	uint64_t value = 0;

	for (size_t i = 0; i < s.size_bytes; i++)
		value = value << 8 | (uint8_t)s.data[i];
	return value;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)cursor_number_be(c, 1);
}

static inline uint16_t cursor_u16_be(struct cursor *c)
{
	return (uint16_t)cursor_number_be(c, 2);
}

static inline uint32_t cursor_u24_be(struct cursor *c)
{
	return (uint32_t)cursor_number_be(c, 3);
}

static inline uint32_t cursor_u32_be(struct cursor *c)
{
	return (uint32_t)cursor_number_be(c, 4);
}

/* A cursor over the next |size_bytes|, which this one skips (TLS-style nested vectors). */
static inline struct cursor cursor_nested(struct cursor *c, size_t size_bytes)
{
	struct slice s = cursor_take(c, size_bytes);
	struct cursor inner = cursor_over(s.data, s.size_bytes);

	inner.failed = c->failed;
	return inner;
}
