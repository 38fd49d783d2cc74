// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When the bytes of one direction passed one end. */
#include "datapath/observe/times.h"

#include <string.h>

static void remove_entry(struct timeline *t, uint32_t index)
{
	t->count--;
	memmove(&t->entries[index], &t->entries[index + 1],
		(t->count - index) * sizeof(t->entries[0]));
}

void timeline_blur(struct timeline *t, uint64_t from, uint64_t to)
{
	if (t->unknown_to < t->passed || t->unknown_to == t->unknown_from) {
		t->unknown_from = from;
		t->unknown_to = to;
		return;
	}
	if (from < t->unknown_from)
		t->unknown_from = from;
	if (to > t->unknown_to)
		t->unknown_to = to;
}

void timeline_add(struct timeline *t, uint64_t end, uint64_t time_ns)
{
	if (t->count) {
		uint32_t last = t->count - 1;

		if (end <= t->entries[last].end)
			return;
		if (time_ns <= t->entries[last].time_ns) {
			t->entries[last].end = end;
			return;
		}
	}
	if (t->count == TIMELINE_ENTRIES) {
		timeline_blur(t, t->entries[0].end, t->entries[1].end);
		remove_entry(t, 1);
	}
	t->entries[t->count].end = end;
	t->entries[t->count++].time_ns = time_ns;
}

uint64_t timeline_at(const struct timeline *t, uint64_t position)
{
	if (position > t->unknown_from && position <= t->unknown_to)
		return 0;
	for (uint32_t i = 0; i < t->count; i++)
		if (position <= t->entries[i].end)
			return t->entries[i].time_ns;
	return 0;
}

uint64_t timeline_end(const struct timeline *t)
{
	return t->count ? t->entries[t->count - 1].end : 0;
}

void timeline_pass(struct timeline *t, uint64_t position)
{
	t->passed = position;
	while (t->count > 1 && t->entries[0].end < position)
		remove_entry(t, 0);
}
