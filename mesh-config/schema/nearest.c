// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Optimal string alignment (Damerau and Levenshtein) over three rows. */
#include "mesh-config/schema/nearest.h"

#include <ctype.h>

#define WORD_MAX_BYTES 64

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t change_cost(char a, char b)
{
	if (a == b)
		return 0;
	return tolower((unsigned char)a) == tolower((unsigned char)b) ? 1 : 2;
}

uint32_t nearest_distance(struct slice a, struct slice b)
{
	uint32_t rows[3][WORD_MAX_BYTES + 1];

	if (a.size_bytes > WORD_MAX_BYTES || b.size_bytes > WORD_MAX_BYTES)
		return UINT32_MAX;
	for (uint32_t j = 0; j <= b.size_bytes; j++)
		rows[0][j] = 2 * j;
	for (uint32_t i = 1; i <= a.size_bytes; i++) {
		uint32_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *swap = rows[(i + 1) % 3];

		row[0] = 2 * i;
		for (uint32_t j = 1; j <= b.size_bytes; j++) {
			char x = a.data[i - 1], y = b.data[j - 1];

			row[j] = least(above[j - 1] + change_cost(x, y),
				       least(above[j], row[j - 1]) + 2);
			if (i > 1 && j > 1 && x == b.data[j - 2] && a.data[i - 2] == y)
				row[j] = least(row[j], swap[j - 2] + 2);
		}
	}
	return rows[a.size_bytes % 3][b.size_bytes];
}
