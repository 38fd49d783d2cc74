// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Texts are copied: signals outlive a generation. */
#include "control/apply/objective_rows.h"

#include <stdio.h>
#include <stdlib.h>

static void fill(struct objective *to, const struct mesh *m, const struct mesh_objective *from)
{
	const struct mesh_service *s = &m->services[from->service];

	snprintf(to->name, sizeof(to->name), "%s/%s", from->namespace_name, from->name);
	snprintf(to->service, sizeof(to->service), "%s",
		 s->host_count ? m->hosts[s->host_first] : s->name);
	snprintf(to->path_prefix, sizeof(to->path_prefix), "%s", from->promise.path_prefix);
	to->target_ratio = from->promise.target_ratio;
	to->window_s = from->promise.window_ms / 1000;
	to->latency_ns = from->promise.latency_ms * 1000000ull;
}

struct objective *objective_rows(const struct mesh *m, uint32_t *ret_count)
{
	struct objective *rows = calloc(m->objective_count + 1u, sizeof(*rows));

	for (uint32_t i = 0; i < m->objective_count && rows; i++)
		fill(&rows[i], m, &m->objectives[i]);
	*ret_count = m->objective_count;
	return rows;
}
