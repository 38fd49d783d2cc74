// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two chained 64-bit hashes over texts as exporters write them (unsafe bytes replaced). */
#include "control/signals/digest.h"

#include "base/table.h"
#include "base/utf8.h"

#include <string.h>

#define PIECE_BYTES 256

struct digest digest_start(uint64_t seed)
{
	return (struct digest){{seed, ~seed}};
}

static void add(struct digest *d, const char *data, size_t size_bytes)
{
	d->halves[0] = table_hash(data, size_bytes, d->halves[0]);
	d->halves[1] = table_hash(data, size_bytes, d->halves[1]);
}

void digest_text(struct digest *d, const char *text)
{
	size_t left = strlen(text) + 1, used = 0;
	char safe[PIECE_BYTES + 4];

	while (left > 1) {
		size_t n = utf8_safe(text, left);

		if (n)
			memcpy(safe + used, text, n);
		else
			memcpy(safe + used, UTF8_REPLACEMENT, 3);
		used += n ? n : 3;
		text += n ? n : 1;
		left -= n ? n : 1;
		if (used >= PIECE_BYTES) {
			add(d, safe, used);
			used = 0;
		}
	}
	safe[used++] = 0;
	add(d, safe, used);
}
