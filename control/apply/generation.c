// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reference counting. */
#include "control/apply/generation.h"

#include <stdatomic.h>
#include <stdlib.h>

struct generation *generation_new(void)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g)
		g->holders = 1;
	return g;
}

/* The first row of an endpoint from |endpoint| on. */
static uint32_t row_from(const struct generation *g, uint32_t endpoint)
{
	uint32_t low = 0, high = g->endpoint_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (g->endpoints[middle].endpoint < endpoint)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t generation_rows(const struct generation *g, uint32_t service, uint32_t *ret_end)
{
	const struct mesh_service *s = &g->mesh->services[service];

	*ret_end = row_from(g, s->endpoint_first + s->endpoint_count);
	return row_from(g, s->endpoint_first);
}

struct generation *generation_get(struct generation *g)
{
	atomic_fetch_add_explicit(&g->holders, 1, memory_order_relaxed);
	return g;
}

void generation_put(struct generation *g)
{
	if (!g || atomic_fetch_sub_explicit(&g->holders, 1, memory_order_acq_rel) != 1)
		return;
	mesh_free(g->mesh);
	compile_names_free(g->names);
	free(g->endpoints);
	free(g->services);
	free(g);
}
