/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When the bytes of one direction passed one end, for positions that are asked for in rising order.
 * Pure. */
#pragma once

#include <stdint.h>

#define TIMELINE_ENTRIES 4

struct timeline {
	struct {
		uint64_t end; /* bytes up to this position (inclusive) had passed at |time_ns| */
		uint64_t time_ns;
	} entries[TIMELINE_ENTRIES];
	uint64_t passed;       /* positions before it will not be asked for any more */
	uint64_t unknown_from; /* positions in (unknown_from, unknown_to] have no known time */
	uint64_t unknown_to;
	uint32_t count;
};

/* Bytes up to |end| had passed at |time_ns|. What was known already is ignored; times never go
 * back. When it is full an entry in the middle becomes unknown: of a long message the first and the
 * last byte matter. */
void timeline_add(struct timeline *t, uint64_t end, uint64_t time_ns);

/* The times of positions in (from, to] are lost. Call before timeline_add covers them. */
void timeline_blur(struct timeline *t, uint64_t from, uint64_t to);

/* When |position| passed; 0 = not yet, or not known. */
uint64_t timeline_at(const struct timeline *t, uint64_t position);

/* The last position that has passed. */
uint64_t timeline_end(const struct timeline *t);

/* Positions before |position| will not be asked for any more. */
void timeline_pass(struct timeline *t, uint64_t position);
