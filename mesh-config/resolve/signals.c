// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry and objectives. */
#include "mesh-config/resolve/resolve.h"

static void objective_add(struct resolve *r, const struct draft *d)
{
	const struct draft_objective *spec = d->spec;
	uint32_t service = host_require(r, d, PROBLEM_NO_SERVICE, &spec->service);

	if (service == MESH_NONE)
		return;
	*ROW_ADD(r, objectives, struct mesh_objective) = (struct mesh_objective){
		.namespace_name = d->namespace_name,
		.name = d->name,
		.service = service,
		.promise = spec->value,
		.position = position_of(d, d->at),
	};
}

void resolve_signals(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_TELEMETRY, &count);

	for (uint32_t i = 0; i < count && !r->failed; i++)
		*ROW_ADD(r, telemetries, struct mesh_telemetry) = (struct mesh_telemetry){
			.hash = drafts[i]->hash,
			.namespace_name = drafts[i]->namespace_name,
			.name = drafts[i]->name,
			.position = position_of(drafts[i], drafts[i]->at),
		};
	drafts = drafts_of(r, KIND_OBJECTIVE, &count);
	for (uint32_t i = 0; i < count && !r->failed; i++)
		objective_add(r, drafts[i]);
}
