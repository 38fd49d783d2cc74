/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How decoders recognize their protocol by its first bytes. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

/* This many bytes are always enough to decide. */
#define CLASSIFY_MAX_BYTES 64

/* MATCH_MAYBE: these bytes fit, more are needed. */
enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };

/* MATCH_MAYBE while |s| is a proper beginning of |literal|, MATCH_YES once it begins with all of
 * it. */
static inline enum match match_literal(struct slice s, struct slice literal)
{
	if (slice_starts_with(s, literal))
		return MATCH_YES;
	return slice_starts_with(literal, s) ? MATCH_MAYBE : MATCH_NO;
}

static inline struct slice match_after(struct slice s, size_t size_bytes)
{
	return (struct slice){s.data + size_bytes, s.size_bytes - size_bytes};
}

static inline uint8_t match_byte(struct slice s, size_t index)
{
	return (uint8_t)s.data[index];
}

static inline uint32_t match_number(struct slice s, size_t index, size_t size_bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size_bytes; i++)
		value = value << 8 | match_byte(s, index + i);
	return value;
}
