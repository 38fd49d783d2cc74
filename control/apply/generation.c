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
