/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What collectors share. A collector yields the series of a metric one by one: |position| counts
 * from 0, COLLECT_END ends them, COLLECT_SKIP leaves one out. */
#pragma once

#include "control/signals/state.h"

static inline enum collect counted(struct sample *ret, uint64_t value, unsigned decimals)
{
	ret->value = value;
	ret->decimals = decimals;
	return COLLECT_SAMPLE;
}

/* Of the mesh (collect_mesh.c). */
enum collect collect_mesh(const struct signals *s, enum metric metric, uint32_t position,
			  struct sample *ret);
enum collect collect_mesh_objects(const struct signals *s, enum metric metric, uint32_t position,
				  struct sample *ret);
enum collect collect_ejections(const struct signals *s, enum metric metric, uint32_t position,
			       struct sample *ret);
enum collect collect_services(const struct signals *s, enum metric metric, uint32_t position,
			      struct sample *ret);
enum collect collect_refusals(const struct signals *s, enum metric metric, uint32_t position,
			      struct sample *ret);

/* Of objectives (collect_objectives.c). */
enum collect collect_objective_requests(const struct signals *s, enum metric metric,
					uint32_t position, struct sample *ret);
enum collect collect_objectives(const struct signals *s, enum metric metric, uint32_t position,
				struct sample *ret);
