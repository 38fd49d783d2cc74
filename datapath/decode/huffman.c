// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The Huffman code of HPACK is canonical (RFC 7541 B): codes of one length follow each other, and
// those of the next length follow them. Where one ends is known without what it means.
#include "datapath/decode/huffman.h"

#include <stdbool.h>

#define MAX_BITS 30
#define EOS	 0x3fffffff

/* How many codes there are of each length. */
static const uint8_t codes[MAX_BITS + 1] = {
	[5] = 10,  [6] = 26,  [7] = 32, [8] = 6,   [10] = 5,  [11] = 3,	 [12] = 2,
	[13] = 6,  [14] = 2,  [15] = 3, [19] = 3,  [20] = 8,  [21] = 13, [22] = 26,
	[23] = 29, [24] = 12, [25] = 4, [26] = 15, [27] = 19, [28] = 29, [30] = 4,
};

/* A code that is being read, bit by bit. */
struct code {
	uint32_t bits, count;
	uint32_t first; /* code of this length */
};

/* Whether it ends with |bit|. */
static bool code_take(struct code *c, uint32_t bit)
{
	c->first = (c->first + codes[c->count]) << 1;
	c->bits = c->bits << 1 | bit;
	c->count++;
	return c->bits - c->first < codes[c->count];
}

uint32_t huffman_excess_bytes(struct slice coded)
{
	struct code c = {0};

	if (!coded.size_bytes || (uint8_t)coded.data[coded.size_bytes - 1] != 0xff)
		return 0;
	for (size_t i = 0; i < coded.size_bytes * 8; i++) {
		if (!code_take(&c, (uint8_t)coded.data[i / 8] >> (7 - i % 8) & 1)) {
			continue;
		}
		if (c.count == MAX_BITS && c.bits == EOS)
			return 0;
		c = (struct code){0};
	}
	return c.bits + 1 == 1u << c.count ? c.count / 8 : 0;
}
