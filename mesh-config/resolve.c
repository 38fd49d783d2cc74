// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One build: every part in turn, then either the finished mesh or its problems. */
#include "mesh-config/resolve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- arrays */

void *rows_add(struct resolve *r, enum mesh_array array, size_t size_bytes)
{
	struct rows *rows = &r->rows[array];
	void *row;

	if (rows->count == rows->capacity) {
		uint32_t hint = r->source->counts[array] + r->source->counts[array] / 16 + 16;
		uint32_t capacity = rows->capacity ? rows->capacity * 2 : hint;
		void *grown = capacity > rows->capacity
				      ? realloc(rows->items, capacity * size_bytes)
				      : NULL;

		if (!grown) {
			r->failed = true;
			memset(r->scratch, 0, sizeof(r->scratch));
			return r->scratch;
		}
		rows->items = grown;
		rows->capacity = capacity;
	}
	row = (char *)rows->items + size_bytes * rows->count++;
	memset(row, 0, size_bytes);
	return row;
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

struct draft **drafts_merge(struct resolve *r, const enum kind_id *wanted, uint32_t wanted_count,
			    uint32_t *ret_count)
{
	uint32_t counts[3] = {0}, at[3] = {0}, total = 0;
	struct draft *const *from[3];
	struct draft **merged;

	for (uint32_t i = 0; i < wanted_count; i++) {
		from[i] = drafts_of(r, wanted[i], &counts[i]);
		total += counts[i];
	}
	*ret_count = 0;
	merged = arena_array(&r->arena, struct draft *, total + 1);
	r->failed |= !merged;
	for (uint32_t n = 0; n < total && merged; n++) {
		uint32_t best = MESH_NONE;

		for (uint32_t i = 0; i < wanted_count; i++)
			if (at[i] < counts[i] &&
			    (best == MESH_NONE ||
			     name_order(from[i][at[i]], from[best][at[best]]) < 0))
				best = i;
		merged[n] = from[best][at[best]++];
		*ret_count = n + 1;
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
	r->problems.file = d->file->index;
	r->problems.object = d->title;
	r->problems.annotation = accept;
	note = problem_add(&r->problems, code, at, "%s", text);
	r->problems.object = r->problems.annotation = NULL;
	return note;
}

static void duplicates_check(struct resolve *r, const struct catalog *c)
{
	for (uint32_t i = 1; i < c->count; i++) {
		const struct draft *a = c->items[i - 1], *b = c->items[i];

		if (a->namespace_name != b->namespace_name || a->name != b->name ||
		    a->sort_name != b->sort_name)
			continue;
		problem_hint(&r->problems,
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
		problem_hint(&r->problems,
			     resolve_problem(r, drafts[i], PROBLEM_CONFLICT, drafts[i]->at,
					     "there are more settings than one"),
			     "those of %s:%u are used", drafts[0]->file->name, drafts[0]->at.line);
}

/* ---- the build */

static void resolve_all(struct resolve *r)
{
	for (uint32_t i = 0; i < KIND_COUNT; i++) {
		r->failed |= !catalog_sort(&r->source->catalogs[i]);
		duplicates_check(r, &r->source->catalogs[i]);
	}
	resolve_settings(r);
	resolve_workloads(r);
	resolve_services(r);
	resolve_rules(r);
	resolve_splitters(r);
	resolve_endpoints(r);
	resolve_routes(r);
	resolve_policies(r);
	resolve_signals(r);
}

/* Files may come and go while the mesh lives: it gets a list of its own. */
static void files_list(struct resolve *r)
{
	const struct mesh_source *s = r->source;

	r->index->files = calloc(s->file_slots + 1, sizeof(char *));
	r->failed |= !r->index->files;
	for (uint32_t i = 0; i < s->file_slots && r->index->files; i++)
		r->index->files[i] = pool_empty;
	for (uint32_t i = 0; i < s->file_slots && r->index->files; i++) {
		const struct source_file *f = s->files[i];
		const char *name =
			f ? pool_text(r->pool, (struct slice){f->name, strlen(f->name)}) : NULL;

		if (name)
			r->index->files[i] = name;
		r->mesh->hash += f ? f->hash : 0;
	}
	r->mesh->files = r->index->files;
	r->mesh->file_count = s->file_slots;
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
	m->index = r->index;
}

static int problems_collect(struct resolve *r, struct problems *ret_problems)
{
	const struct mesh_source *s = r->source;
	const struct problem_sink **sinks = calloc(s->file_slots + 1, sizeof(*sinks));
	struct problem_file *files = calloc(s->file_slots + 1, sizeof(*files));
	uint32_t count = 0;
	int err = -ENOMEM;

	for (uint32_t i = 0; i < s->file_slots && sinks && files; i++) {
		if (!s->files[i])
			continue;
		files[i] = (struct problem_file){s->files[i]->name, s->files[i]->bytes};
		if (s->files[i]->problems.errors || s->files[i]->problems.warnings)
			sinks[count++] = &s->files[i]->problems;
	}
	if (sinks && files) {
		sinks[count++] = &r->problems;
		err = problems_from(sinks, count, files, ret_problems);
	}
	free(sinks);
	free(files);
	return err;
}

static bool file_is_broken(const struct source_file *f)
{
	for (const struct problem_note *n = f->problems.first; n; n = n->next)
		if (problem_code_text(n->code)[0] == 'E' && problem_code_text(n->code)[1] < '3')
			return true;
	return false;
}

static void resolve_end(struct resolve *r)
{
	for (uint32_t i = 0; i < ROWS_COUNT; i++)
		free(r->rows[i].items);
	lookup_free(&r->labels);
	arena_free(&r->arena);
	problem_sink_free(&r->problems);
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
	for (uint32_t i = 0; i < r->source->file_slots; i++)
		r->incomplete |= r->source->files[i] && file_is_broken(r->source->files[i]);
	return 0;
}

int mesh_source_build(struct mesh_source *s, struct mesh **ret_mesh, struct problems *ret_problems)
{
	struct resolve r = {.source = s, .pool = s->pool};
	int err = resolve_start(&r);

	*ret_problems = (struct problems){0};
	if (err)
		return err;
	resolve_all(&r);
	files_list(&r);
	err = problems_collect(&r, ret_problems);
	if (!err)
		err = r.failed || r.arena.failed ? -ENOMEM : (ret_problems->errors ? -EINVAL : 0);
	if (!err) {
		mesh_complete(&r);
		*ret_mesh = r.mesh;
	} else {
		mesh_free(r.mesh);
	}
	resolve_end(&r);
	return err;
}
