// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One build: every part in turn, then either the finished mesh or its problems. */
#include "mesh-config/resolve/reuse.h"

#include "base/blocks.h"

#include <errno.h>
#include <stdlib.h>

/* ---- everything anew */

static void duplicates_check(struct resolve *r, const struct catalog *c)
{
	for (uint32_t i = 1; i < c->count; i++) {
		const struct draft *a = c->items[i - 1], *b = c->items[i];

		if (a->namespace_name != b->namespace_name || a->name != b->name ||
		    a->sort_name != b->sort_name)
			continue;
		resolve_problem(r, b, PROBLEM_DUPLICATE, b->at, "%s is given twice", b->title);
		problem_hint(r->problems, "it is also in %s:%u", a->file->name, a->at.line);
	}
}

static void resolve_all(struct resolve *r)
{
	const struct mesh_source *s = r->source;

	for (uint32_t i = 0; i < s->file_slots; i++)
		r->incomplete |= s->files[i] && file_is_broken(s->files[i]);
	stage_begin(r, STAGE_SERVICES);
	for (uint32_t i = 0; i < KIND_COUNT; i++) {
		r->failed |= !catalog_sort(&r->source->catalogs[i]);
		duplicates_check(r, &s->catalogs[i]);
	}
	resolve_settings(r);
	resolve_services(r);
	resolve_workloads(r);
	stage_begin(r, STAGE_ROUTES);
	resolve_rules(r);
	resolve_splitters(r);
	stage_begin(r, STAGE_ENDPOINTS);
	resolve_endpoints(r);
	stage_begin(r, STAGE_ROUTES);
	resolve_routes(r);
	stage_begin(r, STAGE_POLICIES);
	resolve_policies(r);
	stage_begin(r, STAGE_WARNINGS);
	resolve_warnings(r);
	stage_begin(r, STAGE_SHARED);
	resolve_shared(r);
	stage_begin(r, STAGE_SIGNALS);
	resolve_signals(r);
	for (uint32_t i = 0; i < ROWS_END(r, services) && !r->failed; i++)
		service_hash(r, i);
}

/* ---- the build */

/* Files may come and go while the mesh lives: it gets a list of its own. */
static void files_list(struct resolve *r)
{
	const struct mesh_source *s = r->source;

	if (r->reuse && !s->names_changed)
		r->index->files = shared_hold(s->built->mesh->index->files);
	else
		r->index->files = shared_new((s->file_slots + 1) * sizeof(char *));
	r->failed |= !r->index->files;
	r->mesh->files = r->index->files;
	r->mesh->file_count = s->file_slots;
	if (r->failed || (r->reuse && !s->names_changed))
		return;
	for (uint32_t i = 0; i < s->file_slots; i++) {
		const char *name = s->files[i] ? s->files[i]->name : "";

		name = pool_text(r->pool, slice_of(name));
		r->index->files[i] = name ? name : pool_empty;
		r->failed |= !name;
	}
}

static void mesh_complete(struct resolve *r)
{
	struct mesh *m = r->mesh;

#define X(field, field_count, type)                                                                \
	m->field = r->rows[ROWS_##field].items;                                                    \
	m->field_count = r->rows[ROWS_##field].count;                                              \
	r->source->counts[ROWS_##field] = m->field_count;                                          \
	r->rows[ROWS_##field].items = NULL;
	MESH_ARRAYS(X)
#undef X
	m->hash = r->source->hash;
}

static int problems_collect(const struct resolve *r, struct problems *ret_problems)
{
	const struct mesh_source *s = r->source;
	const struct problem_sink **sinks = calloc(s->noted + STAGE_COUNT, sizeof(*sinks));
	uint32_t count = 0;
	int err = -ENOMEM;

	for (uint32_t i = 0; i < s->file_slots && sinks && count < s->noted; i++)
		if (s->files[i] && (s->files[i]->problems.errors || s->files[i]->problems.warnings))
			sinks[count++] = &s->files[i]->problems;
	for (enum resolve_stage i = 0; i < STAGE_COUNT && sinks; i++)
		if (r->stages[i] || r->reuse)
			sinks[count++] = r->stages[i] ? r->stages[i] : s->built->problems[i];
	if (sinks)
		err = problems_from(sinks, count, s->shown, ret_problems);
	free(sinks);
	return err;
}

static void resolve_end(struct resolve *r)
{
	for (uint32_t i = 0; i < ROWS_COUNT; i++)
		shared_drop(r->rows[i].items);
	for (uint32_t i = 0; i < STAGE_COUNT; i++)
		stage_drop(&r->stages[i]);
	lookup_free(&r->labels);
	arena_free(&r->arena);
	problem_sink_free(&r->spare);
	shared_drop(r->work);
	mesh_free(r->mesh);
}

static int resolve_start(struct resolve *r)
{
	r->mesh = calloc(1, sizeof(*r->mesh));
	r->index = calloc(1, sizeof(*r->index));
	if (!r->mesh || !r->index) {
		free(r->mesh);
		free(r->index);
		return -ENOMEM;
	}
	r->mesh->index = r->index;
	r->index->pool = pool_ref(r->pool);
	return 0;
}

void built_free(struct built *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < STAGE_COUNT; i++)
		stage_drop(&b->problems[i]);
	ahead_free(&b->ahead);
	mesh_free(b->mesh);
	shared_drop(b->work);
	free(b);
}

/* Leaves what was made for the next build; without memory for that it starts anew. */
static void built_keep(struct resolve *r)
{
	struct mesh_source *s = r->source;
	struct mesh *mesh = mesh_share(r->mesh);
	struct built *b = s->built ? s->built : calloc(1, sizeof(*b));

	if (!b || !mesh) {
		mesh_free(mesh);
		s->built ? source_forget(s) : free(b);
		return;
	}
	if (s->built)
		ahead_keep(b, mesh);
	mesh_free(b->mesh);
	shared_drop(b->work);
	b->mesh = mesh;
	b->work = r->work;
	r->work = NULL;
	for (uint32_t i = 0; i < STAGE_COUNT; i++) {
		if (!r->stages[i])
			continue;
		stage_drop(&b->problems[i]);
		b->problems[i] = r->stages[i];
		r->stages[i] = NULL;
	}
	s->built = b;
	source_settle(s, !r->reuse);
}

/* -EAGAIN: |reuse| cannot do it, everything must be made anew. */
static int build(struct mesh_source *s, struct reuse *reuse, struct mesh **ret_mesh,
		 struct problems *ret_problems)
{
	struct resolve r = {.source = s, .pool = s->pool, .reuse = reuse};
	int err = resolve_start(&r);

	if (err)
		return err;
	blocks_begin();
	if (reuse)
		err = resolve_changed(&r);
	else
		resolve_all(&r);
	if (!err)
		files_list(&r);
	if (!err)
		err = problems_collect(&r, ret_problems);
	if (!err)
		err = r.failed || r.arena.failed ? -ENOMEM : (ret_problems->errors ? -EINVAL : 0);
	if (!err) {
		mesh_complete(&r);
		built_keep(&r);
		if (!reuse)
			blocks_forget();
		*ret_mesh = r.mesh;
		r.mesh = NULL;
	}
	resolve_end(&r);
	return err;
}

int mesh_source_build(struct mesh_source *s, struct mesh **ret_mesh, struct problems *ret_problems)
{
	int err = -EAGAIN;

	*ret_problems = (struct problems){0};
	if (s->built)
		err = build(s, &(struct reuse){.last = s->built}, ret_mesh, ret_problems);
	if (err != -EAGAIN)
		return err;
	source_forget(s);
	return build(s, NULL, ret_mesh, ret_problems);
}

bool mesh_source_prepare(struct mesh_source *s)
{
	return s->built && ahead_step(s->built);
}
