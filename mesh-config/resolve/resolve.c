// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What every part of a build uses: rows, drafts in order, problems, stages; and the settings. */
#include "mesh-config/resolve/resolve.h"

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

void resolve_problem(struct resolve *r, const struct draft *d, enum problem_code code,
		     struct place at, const char *format, ...)
{
	const char *accept = mesh_labels_find(d->annotations, "weft.dev/accept");
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->problems->file = d->file->index;
	r->problems->object = d->title;
	r->problems->annotation = accept;
	problem_add(r->problems, code, at, "%s", text);
	r->problems->object = r->problems->annotation = NULL;
}

/* ---- settings */

void resolve_settings(struct resolve *r)
{
	uint32_t count;
	struct draft *const *drafts = drafts_of(r, KIND_MESH_SETTINGS, &count);
	struct reading reading = {&r->arena, r->pool, r->problems};
	struct mesh_settings *to = &r->mesh->settings;
	struct draft_settings none = {0};

	schema_defaults(&reading, &settings_schema, &none);
	*to = count ? ((const struct draft_settings *)drafts[0]->spec)->value : none.value;
	if (!to->node_locality)
		to->node_locality = pool_locality(r->pool, SLICE(""));
	r->failed |= !to->node_locality;
	to->position = count ? position_of(drafts[0], drafts[0]->at)
			     : (struct mesh_position){MESH_NONE, 0, 0};
	for (uint32_t i = 1; i < count; i++) {
		resolve_problem(r, drafts[i], PROBLEM_CONFLICT, drafts[i]->at,
				"there are more settings than one");
		problem_hint(r->problems, "those of %s:%u are used", drafts[0]->file->name,
			     drafts[0]->at.line);
	}
}

/* ---- stages */

void stage_begin(struct resolve *r, enum resolve_stage stage)
{
	if (!r->stages[stage])
		r->stages[stage] = calloc(1, sizeof(*r->stages[stage]));
	r->failed |= !r->stages[stage];
	r->problems = r->stages[stage] ? r->stages[stage] : &r->spare;
}

void stage_drop(struct problem_sink **stage)
{
	if (*stage)
		problem_sink_free(*stage);
	free(*stage);
	*stage = NULL;
}

void service_hash(struct resolve *r, uint32_t service)
{
	const char *node = r->mesh->settings.node_name;
	const struct service_work *w = &r->work[service];
	uint64_t sum = w->hash + w->routes_hash;

	ROWS(r, service_hashes, uint64_t)
	[service] = table_hash(&sum, sizeof(sum), table_hash(node, strlen(node), 0));
}

bool file_is_broken(const struct source_file *f)
{
	for (const struct problem_note *n = f->problems.first; n; n = n->next)
		if (problem_code_text(n->code)[0] == 'E' && problem_code_text(n->code)[1] < '3')
			return true;
	return false;
}
