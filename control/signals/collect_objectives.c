// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Objectives as samples: the targets, and how many requests met them. */
#include "control/signals/collect.h"

static void add_labels(const struct objective *o, struct sample *ret)
{
	sample_label(ret, "objective", o->name);
	sample_label(ret, "destination_service", o->service);
}

enum collect collect_objective_requests(const struct signals *s, enum metric metric,
					uint32_t position, struct sample *ret)
{
	static const char *const outcomes[] = {
#define X(name, text) text,
		OBJECTIVE_OUTCOMES(X)
#undef X
	};
	uint32_t outcome = position % OBJECTIVE_OUTCOME_MAX;
	uint32_t reporter = position / OBJECTIVE_OUTCOME_MAX % REPORTER_MAX;
	uint32_t index = position / OBJECTIVE_OUTCOME_MAX / REPORTER_MAX;

	(void)metric;
	if (index >= s->objectives.count)
		return COLLECT_END;
	add_labels(&s->objectives.items[index].objective, ret);
	sample_label(ret, "reporter", reporter == REPORTER_SOURCE ? "source" : "destination");
	sample_label(ret, "outcome", outcomes[outcome]);
	return counted(ret, s->objectives.items[index].requests[reporter][outcome], 0);
}

enum collect collect_objectives(const struct signals *s, enum metric metric, uint32_t position,
				struct sample *ret)
{
	const struct objective *o;

	if (position >= s->objectives.count)
		return COLLECT_END;
	o = &s->objectives.items[position].objective;
	add_labels(o, ret);
	if (metric == METRIC_OBJECTIVE_WINDOW)
		return counted(ret, o->window_s, 0);
	return counted(ret, (uint64_t)(o->target_ratio * 1e6 + 0.5), 6);
}
