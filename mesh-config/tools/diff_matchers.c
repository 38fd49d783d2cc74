// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sorted once; each workload finds its own by halving. */
#include "mesh-config/tools/diff_matchers.h"

#include "mesh-config/tools/diff_text.h"

#include <stdlib.h>
#include <string.h>

static int by_workload(const void *left, const void *right)
{
	const struct mesh_matcher *a = left, *b = right;

	return (a->workload > b->workload) - (a->workload < b->workload);
}

struct mesh_matcher *diff_matchers_sort(const struct mesh *m)
{
	struct mesh_matcher *sorted = calloc(m->matcher_count + 1u, sizeof(*sorted));

	if (sorted && m->matcher_count) {
		memcpy(sorted, m->matchers, m->matcher_count * sizeof(*sorted));
		qsort(sorted, m->matcher_count, sizeof(*sorted), by_workload);
	}
	return sorted;
}

/* Where the matchers of |workload| begin. */
static uint32_t matchers_find(const struct mesh_matcher *sorted, uint32_t count, uint32_t workload)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sorted[middle].workload < workload)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct diff_matchers diff_matchers_of(const struct mesh *m, const struct mesh_matcher *sorted,
				      uint32_t workload)
{
	return (struct diff_matchers){sorted, matchers_find(sorted, m->matcher_count, workload),
				      matchers_find(sorted, m->matcher_count, workload + 1)};
}

bool diff_matchers_have(const struct diff_matchers *in, const char *text)
{
	struct diff_text t;

	for (uint32_t i = in->first; i < in->end; i++) {
		diff_text_matcher(&t, &in->sorted[i]);
		if (!strcmp(t.text, text))
			return true;
	}
	return false;
}
