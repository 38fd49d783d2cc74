// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Telemetry and objectives. */
#include "mesh-config/resolve/resolve.h"

static const char *metric_of(struct resolve *r, const struct draft_metric_match *m)
{
	const char *name, *kept;

	if (!m || (!m->metric && !m->custom_metric[0]))
		return pool_empty;
	if (m->custom_metric[0])
		return m->custom_metric;
	name = telemetry_metrics[m->metric];
	kept = pool_text(r->pool, slice_of(name));
	r->failed |= !kept;
	return kept ? kept : pool_empty;
}

static void override_add(struct resolve *r, const struct draft_metric_override *from)
{
	const struct draft_tag_override *tags = from->tags.items;
	struct mesh_metric_override *to = ROW_ADD(r, metric_overrides, struct mesh_metric_override);

	*to = (struct mesh_metric_override){
		.metric = metric_of(r, from->match),
		.mode = from->match ? from->match->mode : MESH_CLIENT_AND_SERVER,
		.disabled = from->disabled,
		.tag_override_first = ROWS_END(r, tag_overrides),
		.tag_override_count = from->tags.count,
	};
	for (uint32_t i = 0; i < from->tags.count; i++)
		*ROW_ADD(r, tag_overrides, struct mesh_tag_override) = (struct mesh_tag_override){
			tags[i].tag, tags[i].operation == 1, tags[i].value};
}

static void telemetry_add(struct resolve *r, const struct draft *d)
{
	const struct draft_telemetry *spec = d->spec;
	const struct draft_metrics *metrics = spec->metrics.items;
	const struct draft_access_log *log = spec->access_logging.items;
	const struct draft_tracing *tracing = spec->tracing.items;
	struct mesh_telemetry *to = ROW_ADD(r, telemetries, struct mesh_telemetry);

	*to = (struct mesh_telemetry){
		.namespace_name = d->namespace_name,
		.name = d->name,
		.scope = policy_scope(r, d, spec->selector),
		.selector = spec->selector ? spec->selector->labels : pool_labels_none,
		.metric_override_first = ROWS_END(r, metric_overrides),
		.access_log_disabled = -1,
		.access_log_filter = pool_empty,
		.tracing_disabled = -1,
		.sampling_percent = -1,
		.position = position_of(d, d->at),
	};
	if (spec->access_logging.count) {
		to->access_log_disabled = log->disabled;
		to->access_log_mode = log->match ? log->match->mode : MESH_CLIENT_AND_SERVER;
		to->access_log_filter = log->filter ? log->filter->expression : pool_empty;
	}
	if (spec->tracing.count) {
		to->tracing_disabled = tracing->disabled;
		to->sampling_percent = tracing->sampling_percent;
	}
	for (uint32_t i = 0; i < spec->metrics.count && !r->failed; i++) {
		const struct draft_metric_override *overrides = metrics[i].overrides.items;

		for (uint32_t j = 0; j < metrics[i].overrides.count;
		     j++, to->metric_override_count++)
			override_add(r, &overrides[j]);
	}
}

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
		.target_ratio = spec->target,
		.window_s = spec->window_ms / 1000,
		.latency_ms = spec->latency_ms,
		.path_prefix = spec->path_prefix,
		.position = position_of(d, d->at),
	};
}

void resolve_signals(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_TELEMETRY, &count);

	for (uint32_t i = 0; i < count && !r->failed; i++)
		telemetry_add(r, drafts[i]);
	drafts = drafts_of(r, KIND_OBJECTIVE, &count);
	for (uint32_t i = 0; i < count && !r->failed; i++)
		objective_add(r, drafts[i]);
}
