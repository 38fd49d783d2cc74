// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One build: every part in turn, then either the finished mesh or its problems. */
#include "mesh-config/resolve/reuse.h"

#include "base/blocks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- arrays */

static bool rows_grow(struct resolve *r, enum mesh_array array, uint32_t more)
{
	struct rows *rows = &r->rows[array];
	uint64_t capacity =
		rows->capacity ? rows->capacity * 2ull : rows_room(r->source->counts[array]);
	void *grown;

	if (!rows->items && ahead_rows(r, array) && rows->capacity >= more)
		return true;
	if (capacity < (uint64_t)rows->count + more)
		capacity = (uint64_t)rows->count + more;
	grown = capacity < MESH_NONE ? shared_resize(rows->items, capacity * rows_size_bytes(array))
				     : NULL;
	if (!grown) {
		r->failed = true;
		return false;
	}
	rows->items = grown;
	rows->capacity = (uint32_t)capacity;
	return true;
}

/* Rows were written; some may be taken back. */
static void rows_count_add(struct rows *rows, uint32_t count)
{
	rows->count += count;
	if (rows->ahead_first < rows->count)
		rows->ahead_first = rows->count;
}

void *rows_add(struct resolve *r, enum mesh_array array, size_t size_bytes)
{
	struct rows *rows = &r->rows[array];
	void *row;

	if (rows->count == rows->capacity && !rows_grow(r, array, 1)) {
		memset(r->scratch, 0, sizeof(r->scratch));
		return r->scratch;
	}
	row = (char *)rows->items + size_bytes * rows->count;
	memset(row, 0, size_bytes);
	rows_count_add(rows, 1);
	return row;
}

static uint32_t between(uint32_t least, uint32_t value, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

void rows_append(struct resolve *r, enum mesh_array array, const struct mesh *from, uint32_t first,
		 uint32_t end)
{
	struct rows *rows = &r->rows[array];
	size_t size_bytes = rows_size_bytes(array);
	const char *items = mesh_rows(from, array).items;
	uint32_t there = end, there_end = end;
	char *to;

	if (first >= end ||
	    (rows->capacity - rows->count < end - first && !rows_grow(r, array, end - first)))
		return;
	if (first == rows->count) {
		there = between(first, rows->ahead_first, end);
		there_end = between(there, rows->ahead_end, end);
	}
	to = (char *)rows->items + size_bytes * rows->count;
	memcpy(to, items + size_bytes * first, size_bytes * (there - first));
	memcpy(to + size_bytes * (there_end - first), items + size_bytes * there_end,
	       size_bytes * (end - there_end));
	rows_count_add(rows, end - first);
}

/* ---- drafts */

struct draft *const *drafts_of(const struct resolve *r, enum kind_id kind, uint32_t *ret_count)
{
	const struct catalog *c = &r->source->catalogs[kind];

	*ret_count = c->count;
	return c->items;
}

static int name_order(const struct draft *a, const struct draft *b)
{
	int order = a->namespace_name == b->namespace_name
			    ? 0
			    : strcmp(a->namespace_name, b->namespace_name);

	return order || a->name == b->name ? order : strcmp(a->name, b->name);
}

/* Those of one namespace. */
static struct draft *const *drafts_in(const struct resolve *r, enum kind_id kind,
				      const char *namespace_name, uint32_t *ret_count)
{
	const struct catalog *c = &r->source->catalogs[kind];
	uint32_t first = catalog_find(c, namespace_name, ""), end = first;

	while (end < c->count && c->items[end]->namespace_name == namespace_name)
		end++;
	*ret_count = end - first;
	return first ? c->items + first : c->items;
}

struct draft **drafts_merge(struct resolve *r, const enum kind_id *wanted, uint32_t wanted_count,
			    const char *namespace_name, uint32_t *ret_count)
{
	uint32_t counts[KIND_COUNT] = {0}, at[KIND_COUNT] = {0}, total = 0;
	struct draft *const *from[KIND_COUNT];
	struct draft **merged;

	for (uint32_t i = 0; i < wanted_count; i++) {
		from[i] = namespace_name ? drafts_in(r, wanted[i], namespace_name, &counts[i])
					 : drafts_of(r, wanted[i], &counts[i]);
		total += counts[i];
	}
	*ret_count = 0;
	merged = arena_array(&r->arena, struct draft *, total + 1);
	r->failed |= !merged;
	while (merged) {
		uint32_t best = MESH_NONE;

		for (uint32_t i = 0; i < wanted_count; i++)
			if (at[i] < counts[i] &&
			    (best == MESH_NONE ||
			     name_order(from[i][at[i]], from[best][at[best]]) < 0))
				best = i;
		if (best == MESH_NONE) /* all are merged */
			break;
		merged[(*ret_count)++] = from[best][at[best]++];
	}
	return merged;
}

struct problem_note *resolve_problem(struct resolve *r, const struct draft *d,
				     enum problem_code code, struct place at, const char *format,
				     ...)
{
	struct problem_note *note;
	const char *accept = mesh_labels_find(d->annotations, "weft.dev/accept");
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->problems->file = d->file->index;
	r->problems->object = d->title;
	r->problems->annotation = accept;
	note = problem_add(r->problems, code, at, "%s", text);
	r->problems->object = r->problems->annotation = NULL;
	return note;
}

static void duplicates_check(struct resolve *r, const struct catalog *c)
{
	for (uint32_t i = 1; i < c->count; i++) {
		const struct draft *a = c->items[i - 1], *b = c->items[i];

		if (a->namespace_name != b->namespace_name || a->name != b->name ||
		    a->sort_name != b->sort_name)
			continue;
		problem_hint(r->problems,
			     resolve_problem(r, b, PROBLEM_DUPLICATE, b->at, "%s is given twice",
					     b->title),
			     "it is also in %s:%u", a->file->name, a->at.line);
	}
}

/* ---- settings */

static const char *text_or(struct resolve *r, const char *text, const char *fallback)
{
	const char *kept = text && text[0]
				   ? text
				   : pool_text(r->pool, (struct slice){fallback, strlen(fallback)});

	r->failed |= !kept;
	return kept ? kept : pool_empty;
}

void resolve_settings(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_MESH_SETTINGS, &count);
	const struct draft_settings *s = count ? drafts[0]->spec : NULL;
	struct mesh_settings *to = &r->mesh->settings;

	to->root_namespace = text_or(r, s ? s->root_namespace : NULL, "istio-system");
	to->trust_domain = text_or(r, s ? s->trust_domain : NULL, "cluster.local");
	to->cluster_domain = text_or(r, s ? s->cluster_domain : NULL, "cluster.local");
	to->node_name = s ? s->node_name : pool_empty;
	to->node_locality = (struct mesh_locality){pool_empty, pool_empty, pool_empty};
	if (s && s->locality)
		to->node_locality = *s->locality;
	to->position = count ? position_of(drafts[0], drafts[0]->at)
			     : (struct mesh_position){MESH_NONE, 0, 0};
	for (uint32_t i = 1; i < count; i++)
		problem_hint(r->problems,
			     resolve_problem(r, drafts[i], PROBLEM_CONFLICT, drafts[i]->at,
					     "there are more settings than one"),
			     "those of %s:%u are used", drafts[0]->file->name, drafts[0]->at.line);
}

/* ---- everything anew */

void stage_begin(struct resolve *r, enum resolve_stage stage)
{
	if (!r->stages[stage])
		r->stages[stage] = calloc(1, sizeof(*r->stages[stage]));
	r->failed |= !r->stages[stage];
	r->problems = r->stages[stage] ? r->stages[stage] : &r->spare;
}

void service_hash(struct resolve *r, uint32_t service)
{
	const char *node = r->mesh->settings.node_name;
	const struct service_work *w = &r->work[service];
	uint64_t sum = w->hash + w->routes_hash;

	ROWS(r, services, struct mesh_service)
	[service].hash = table_hash(&sum, sizeof(sum), table_hash(node, strlen(node), 0));
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

bool file_is_broken(const struct source_file *f)
{
	for (const struct problem_note *n = f->problems.first; n; n = n->next)
		if (problem_code_text(n->code)[0] == 'E' && problem_code_text(n->code)[1] < '3')
			return true;
	return false;
}

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

		name = pool_text(r->pool, (struct slice){name, strlen(name)});
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

void stage_drop(struct problem_sink **stage)
{
	if (*stage)
		problem_sink_free(*stage);
	free(*stage);
	*stage = NULL;
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
