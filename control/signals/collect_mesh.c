// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mesh as samples: generations, objects, ejections, services. */
#include "control/signals/collect.h"

enum collect collect_mesh(const struct signals *s, enum metric metric, uint32_t position,
			  struct sample *ret)
{
	const struct health_mesh *m = &s->health.mesh;

	if (position || !m->on)
		return COLLECT_END;
	switch (metric) {
	case METRIC_MESH_INFO:
		sample_label_format(ret, "hash", "%016llx", (unsigned long long)m->hash);
		return counted(ret, 1, 0);
	case METRIC_MESH_GENERATION:
		return counted(ret, m->generation, 0);
	case METRIC_MESH_APPLIED:
		return counted(ret, m->applied, 0);
	case METRIC_MESH_FAILED:
		return counted(ret, m->failed, 0);
	case METRIC_MESH_ENDED:
		return counted(ret, m->ended, 0);
	case METRIC_MESH_NOT_ENDED:
		return counted(ret, m->not_ended, 0);
	case METRIC_MESH_OWNER_WALKS:
		return counted(ret, m->owner_walks, 0);
	case METRIC_MESH_OWNER_WALK_CPU:
		return counted(ret, m->owner_walk_ns, 9);
	case METRIC_MESH_OWNER_CHANGES:
		return counted(ret, m->owner_changes, 0);
	case METRIC_MESH_SUCCESS:
		return counted(ret, m->success_s, 0);
	case METRIC_MESH_FAILURE:
		return counted(ret, m->failure_s, 0);
	case METRIC_MESH_AHEAD:
		return counted(ret, m->ahead, 0);
	default:
		return counted(ret, m->ejected, 0);
	}
}

enum collect collect_mesh_objects(const struct signals *s, enum metric metric, uint32_t position,
				  struct sample *ret)
{
	static const char *const kinds[] = {
#define X(name, text) text,
		HEALTH_MESH_OBJECTS(X)
#undef X
	};

	(void)metric;
	if (position >= HEALTH_MESH_OBJECT_MAX || !s->health.mesh.on)
		return COLLECT_END;
	sample_label(ret, "kind", kinds[position]);
	return counted(ret, s->health.mesh.objects[position], 0);
}

enum collect collect_ejections(const struct signals *s, enum metric metric, uint32_t position,
			       struct sample *ret)
{
	const struct health_mesh *m = &s->health.mesh;

	(void)metric;
	if (position >= HEALTH_EJECT_REASONS_MAX || !m->eject_reasons[position])
		return COLLECT_END;
	sample_label(ret, "reason", m->eject_reasons[position]);
	return counted(ret, m->ejections[position], 0);
}

enum collect collect_services(const struct signals *s, enum metric metric, uint32_t position,
			      struct sample *ret)
{
	const struct health_mesh *m = &s->health.mesh;

	if (position >= m->service_count)
		return COLLECT_END;
	sample_label(ret, "service", m->services[position].name);
	return counted(ret,
		       metric == METRIC_SERVICE_CONNECTS ? m->services[position].connects
							 : m->services[position].connections,
		       0);
}

enum collect collect_refusals(const struct signals *s, enum metric metric, uint32_t position,
			      struct sample *ret)
{
	static const char *const flags[] = {"UH", "UO", "RBAC"};
	const struct health_mesh *m = &s->health.mesh;

	(void)metric;
	if (position / 3 >= m->service_count)
		return COLLECT_END;
	sample_label(ret, "service", m->services[position / 3].name);
	sample_label(ret, "response_flags", flags[position % 3]);
	return counted(ret, m->services[position / 3].refused[position % 3], 0);
}
