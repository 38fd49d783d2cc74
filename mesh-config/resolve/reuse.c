// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The stages of a build, each made anew or taken over. */
#include "mesh-config/resolve/reuse.h"

#include <errno.h>

static bool is_noted(const struct problem_sink *sink)
{
	return sink && (sink->errors || sink->warnings);
}

/* A rule that is another, or another draft of the same, concerns its service. */
static void rules_touch(struct resolve *r)
{
	for (uint32_t i = 0; i < ROWS_END(r, services); i++)
		if (r->work[i].rules_mark != r->reuse->last->work[i].rules_mark ||
		    r->work[i].detection != r->reuse->last->work[i].detection)
			reuse_touch(r->reuse, i);
}

static void routes_forget(struct resolve *r)
{
	struct mesh_service *s = ROWS(r, services, struct mesh_service);

	for (uint32_t i = 0; i < ROWS_END(r, services); i++) {
		r->work[i].rules = NULL;
		r->work[i].rules_mark = 0;
		r->work[i].detection = NULL;
		r->work[i].routes_hash = 0;
		s[i].route_first = s[i].route_count = 0;
		s[i].acceleration = false;
	}
}

static void routes_assign(struct resolve *r)
{
	if (!r->reuse->again[STAGE_ROUTES])
		return;
	stage_begin(r, STAGE_ROUTES);
	routes_forget(r);
	resolve_rules(r);
	resolve_splitters(r);
	rules_touch(r);
}

static void touched_list(struct resolve *r)
{
	struct reuse *u = r->reuse;

	u->touched = arena_array(&r->arena, uint32_t, ROWS_END(r, services) + 1u);
	r->failed |= !u->touched;
	for (uint32_t i = 0; i < ROWS_END(r, services) && u->touched; i++) {
		if (!u->is_touched[i])
			continue;
		u->touched[u->touched_count++] = i;
		u->impossible |= u->last->work[i].noted; /* it may not be so any more */
	}
}

static void stage_make(struct resolve *r, enum resolve_stage stage, void (*make)(struct resolve *r))
{
	if (!r->reuse->again[stage]) {
		stage_carry(r, stage);
		return;
	}
	stage_begin(r, stage);
	make(r);
}

static void hashes_make(struct resolve *r)
{
	const struct reuse *u = r->reuse;

	if (u->again[STAGE_ROUTES])
		for (uint32_t i = 0; i < ROWS_END(r, services); i++)
			service_hash(r, i);
	else
		for (uint32_t i = 0; i < u->touched_count; i++)
			service_hash(r, u->touched[i]);
}

/* What services, workloads and endpoints have to say is said of the whole: there must be nothing
 * new. */
static bool is_silent(struct resolve *r, enum resolve_stage stage)
{
	bool silent = !is_noted(r->stages[stage]);

	if (silent)
		stage_drop(&r->stages[stage]);
	return silent;
}

static void make(struct resolve *r)
{
	resolve_settings(r);
	workloads_carry(r);
	routes_assign(r);
	touched_list(r);
	if (r->failed || r->reuse->impossible)
		return;
	stage_begin(r, STAGE_ENDPOINTS);
	resolve_touched(r);
	stage_make(r, STAGE_ROUTES, resolve_routes);
	stage_make(r, STAGE_POLICIES, resolve_policies);
	stage_make(r, STAGE_WARNINGS, resolve_warnings);
	stage_make(r, STAGE_SIGNALS, resolve_signals);
	stage_begin(r, STAGE_SHARED);
	resolve_shared(r);
	if (!r->failed)
		hashes_make(r);
}

int resolve_changed(struct resolve *r)
{
	struct reuse *u = r->reuse;

	for (uint32_t i = 0; i < KIND_COUNT; i++)
		r->failed |= !catalog_sort(&r->source->catalogs[i]);
	stage_begin(r, STAGE_SERVICES);
	services_carry(r);
	if (!r->failed)
		reuse_plan(r);
	u->impossible |= is_noted(u->last->problems[STAGE_SERVICES]);
	if (!r->failed && !u->impossible)
		make(r);
	return u->impossible || !is_silent(r, STAGE_SERVICES) || !is_silent(r, STAGE_ENDPOINTS)
		       ? -EAGAIN
		       : 0;
}
