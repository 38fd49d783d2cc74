// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* UTF-8 validation, one character at a time. */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a sequence that starts with |lead|, its payload bits in |*ret_bits|; 0 = cannot start
 * one. */
static size_t sequence_bytes(uint8_t lead, uint32_t *ret_bits)
{
	if (lead >= 0xc2 && lead <= 0xdf) {
		*ret_bits = lead & 0x1f;
		return 2;
	}
	if ((lead & 0xf0) == 0xe0) {
		*ret_bits = lead & 0x0f;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		*ret_bits = lead & 0x07;
		return 4;
	}
	return 0;
}

static bool reorders_or_breaks(uint32_t point)
{
	return point == 0x061c || (point >= 0x200e && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static bool is_allowed(uint32_t point, size_t size_bytes)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	return point >= least[size_bytes] && point >= 0xa0 && point <= 0x10ffff &&
	       (point < 0xd800 || point > 0xdfff) && !reorders_or_breaks(point);
}

size_t utf8_safe(const char *s, size_t left_bytes)
{
	const uint8_t *p = (const uint8_t *)s;
	uint32_t point = 0;
	size_t size_bytes;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	size_bytes = sequence_bytes(p[0], &point);
	if (!size_bytes || size_bytes > left_bytes)
		return 0;
	for (size_t i = 1; i < size_bytes; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	return is_allowed(point, size_bytes) ? size_bytes : 0;
}
