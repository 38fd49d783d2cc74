// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers of verdict records to names. */
#include "control/apply/verdict_names.h"

#include <stdio.h>

static void name_join(char out[128], const char *namespace_name, const char *name)
{
	snprintf(out, 128, "%s/%s", namespace_name, name);
}

static void workload_name(const struct generation *g, uint32_t number, char out[128])
{
	uint32_t i = compile_name(g->names->workloads, g->names->workload_count, number);
	const struct mesh_workload *w;

	if (i == MESH_NONE)
		return;
	w = &g->mesh->workloads[i];
	name_join(out, w->namespace_name, mesh_workload_title(w));
}

static void service_name(const struct generation *g, uint32_t state, char out[128])
{
	uint32_t i = compile_name(g->names->services, g->names->service_count, state);

	if (i != MESH_NONE)
		name_join(out, g->mesh->services[i].namespace_name, g->mesh->services[i].name);
}

void verdict_names_find(const struct generation *g, const struct weft_verdict *v,
			struct observe_verdict_names *ret)
{
	if (v->policy < g->mesh->policy_count)
		name_join(ret->policy, g->mesh->policies[v->policy].namespace_name,
			  g->mesh->policies[v->policy].name);
	workload_name(g, v->source, ret->source);
	workload_name(g, v->target, ret->target);
	service_name(g, v->service, ret->service);
}
