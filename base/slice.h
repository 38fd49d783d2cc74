/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A reference to bytes that it does not own and that have no NUL at their end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *data;
	size_t size_bytes;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* Of a text that ends with a NUL, without it. */
static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.size_bytes == b.size_bytes &&
	       (!a.size_bytes || !memcmp(a.data, b.data, a.size_bytes));
}

static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
	return a.size_bytes == b.size_bytes &&
	       (!a.size_bytes || !strncasecmp(a.data, b.data, a.size_bytes));
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
	return s.size_bytes >= prefix.size_bytes && !memcmp(s.data, prefix.data, prefix.size_bytes);
}

static inline bool slice_ends_with(struct slice s, struct slice end)
{
	return s.size_bytes >= end.size_bytes &&
	       !memcmp(s.data + s.size_bytes - end.size_bytes, end.data, end.size_bytes);
}

/* Copies |s| into |out| of |size| bytes, truncated if needed, always NUL-terminated. */
static inline void slice_copy(struct slice s, char *out, size_t size)
{
	size_t n = s.size_bytes < size ? s.size_bytes : size - 1;

	if (n)
		memcpy(out, s.data, n);
	out[n] = 0;
}
