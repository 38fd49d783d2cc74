/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* "Did you mean": the word that a mistyped one was most likely to be. */
#pragma once

#include "base/slice.h"

#include <stdint.h>

/* How many edits (a character added, left out, changed, or two swapped; case counts half) make |a|
 * to |b|, times two; UINT32_MAX when one is longer than 64 bytes. */
uint32_t nearest_distance(struct slice a, struct slice b);

/* Whether so few edits are likely to be a typing error for |b|. */
static inline int nearest_is_slip(uint32_t distance, size_t size_bytes)
{
	return distance <= 2 + size_bytes / 2 && distance < 2 * size_bytes;
}
