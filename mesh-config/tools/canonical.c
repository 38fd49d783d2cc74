// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Documents are written one by one as they come, sorted once all are there. */
#include "mesh-config/tools/canonical.h"

#include "mesh-config/schema/read.h"
#include "mesh-config/tools/canonical_slices.h"
#include "mesh-config/tools/canonical_state.h"

#include <errno.h>
#include <stdlib.h>

struct canonical *canonical_new(const struct canonical_options *options)
{
	struct canonical *c = calloc(1, sizeof(*c));

	if (c)
		c->options = *options;
	return c;
}

void canonical_free(struct canonical *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		free((char *)c->items[i].text.data);
	free(c->items);
	arena_free(&c->arena);
	pool_unref(c->pool);
	free(c);
}

uint32_t canonical_stripped(const struct canonical *c)
{
	return c->stripped;
}

/* ---- one object */

static void spec_write(struct canonical_writer *w, const struct kind *k,
		       const struct yaml_node *own)
{
	const struct field spec = {.name = "spec", .type = FIELD_OBJECT, .object = k->schema};
	const struct schema beside = {.name = k->name, .fields = &spec, .count = 1};

	canonical_write_fields(w, 0, k->at_root ? k->schema : &beside, own);
}

static bool keeps_books(const struct kind *k, const struct yaml_node *node,
			const struct yaml_node *metadata)
{
	uint32_t known = 0;

	for (uint32_t i = 0; i < metadata_schema.count; i++)
		known += metadata_schema.fields[i].status == FIELD_HONOURED &&
			 yaml_find(metadata, metadata_schema.fields[i].name) != NULL;
	return (yaml_find(node, "status") && !canonical_root_field(k, "status")) ||
	       (metadata && metadata->count > known);
}

static void object_finish(struct canonical_writer *w, uint32_t kind,
			  const struct yaml_node *metadata)
{
	struct slice text = canonical_end(w);
	struct canonical_object *o = canonical_object_add(w->c);
	const char *namespace_name = canonical_text(metadata, "namespace");

	if (!o) {
		free((char *)text.data);
		return;
	}
	o->file = w->file;
	o->source = w->object;
	o->at = w->at;
	o->kind = kind;
	o->namespace_name = arena_format(&w->c->arena, "%s", namespace_name);
	o->name = arena_format(&w->c->arena, "%s", canonical_text(metadata, "name"));
	if (kind == KIND_ENDPOINT_SLICE)
		o->service = canonical_slice_service(w->c, metadata);
	o->text = text;
}

/* Leaves the whole object out. */
static void object_lose(struct canonical_writer *w, struct place at, const char *why)
{
	if (!canonical_begin(w))
		return;
	canonical_lose(w, at, (struct slice){0}, why, false);
	object_finish(w, KIND_COUNT, NULL);
}

/* The first thing that is wrong with an object alone for which |wanted| holds, "" if nothing. */
static const char *problem_of(struct canonical *c, const struct yaml_node *node,
			      bool (*wanted)(const struct problem_note *note))
{
	struct problem_sink problems = {0};
	struct yaml_node alone = *node, list = {.kind = YAML_LIST, .first = &alone, .count = 1};
	struct arena arena = {0};
	struct reading r = {&arena, c->pool ? c->pool : pool_new(), &problems};
	const struct problem_note *note;
	const char *why = "";
	struct draft *first;

	alone.next = NULL;
	c->pool = r.pool;
	if (!r.pool || drafts_read(&r, &list, NULL, &first))
		c->arena.failed = true;
	for (note = problems.first; note && !wanted(note);)
		note = note->next;
	if (note)
		why = arena_format(&c->arena, "%s", note->text);
	problem_sink_free(&problems);
	arena_free(&arena);
	return why;
}

/* Also where its author took it upon himself: the annotation is kept with it. */
static bool is_security(const struct problem_note *note)
{
	return note->code == PROBLEM_SECURITY;
}

static bool is_error(const struct problem_note *note)
{
	return problem_code_text(note->code)[0] == 'E';
}

static void known_add(struct canonical_writer *w, const struct kind *k,
		      const struct yaml_node *node)
{
	const struct yaml_node *metadata = yaml_find(node, "metadata");
	struct arena arena = {0};
	struct yaml_node *own = canonical_own_fields(&arena, k, node);
	const char *lost = NULL;

	w->c->arena.failed |= !own;
	w->whole = w->c->options.convert && (k == &kinds[KIND_AUTHORIZATION_POLICY] ||
					     problem_of(w->c, node, is_security)[0]);
	if (w->c->options.convert && !w->whole)
		lost = canonical_lost_text(w, k->schema, yaml_find(node, "spec"));
	if (lost) {
		object_lose(w, node->at, lost);
	} else if (own && canonical_begin(w)) {
		w->c->stripped += keeps_books(k, node, metadata);
		canonical_head_write(w, k, metadata);
		spec_write(w, k, own);
		object_finish(w, (uint32_t)(k - kinds), metadata);
	}
	arena_free(&arena);
}

static bool is_left_to_others(const struct problem_note *note)
{
	return note->code == PROBLEM_LEFT_TO_OTHERS;
}

static void unknown_add(struct canonical_writer *w, const struct yaml_node *node)
{
	/* its kind is misspelt, or promises what weft does not give */
	const char *why = w->c->options.convert ? problem_of(w->c, node, is_error) : "";

	if (!w->c->options.convert)
		return;
	if (!why[0]) {
		why = problem_of(w->c, node, is_left_to_others);
		object_lose(w, node->at, why[0] ? why : "weft has no use for this kind");
		return;
	}
	if (!canonical_begin(w))
		return;
	canonical_lose(w, node->at, (struct slice){0}, why, true);
	for (const struct yaml_node *n = node->first; n && node->kind == YAML_MAP; n = n->next) {
		yaml_write_key(&w->yaml, 0, n->key);
		yaml_write_value(&w->yaml, 2, n);
	}
	object_finish(w, KIND_COUNT, yaml_find(node, "metadata"));
}

static bool is_list(const struct yaml_node *node, struct slice kind)
{
	const struct yaml_node *items = yaml_find(node, "items");

	return items && items->kind == YAML_LIST && kind.size_bytes >= 4 &&
	       !memcmp(kind.data + kind.size_bytes - 4, "List", 4);
}

static void node_add(struct canonical_writer *w, const struct yaml_node *node)
{
	const struct yaml_node *api = yaml_find(node, "apiVersion");
	const struct yaml_node *kind = yaml_find(node, "kind");
	const struct yaml_node *metadata = yaml_find(node, "metadata");
	const char *namespace_name = canonical_text(metadata, "namespace");
	const struct kind *k = NULL;

	w->at = node->at;
	w->object = arena_format(&w->c->arena, "%s %s/%s", canonical_text(node, "kind"),
				 namespace_name[0] ? namespace_name : "default",
				 canonical_text(metadata, "name"));
	if (api && kind && api->kind == YAML_TEXT && kind->kind == YAML_TEXT)
		k = kind_of(api->text, kind->text, &(struct slice){0});
	if (k == &kinds[KIND_ENDPOINTS] && w->c->options.convert)
		canonical_slices_add(w, node, metadata);
	else if (k)
		known_add(w, k, node);
	else if (kind && kind->kind == YAML_TEXT && is_list(node, kind->text))
		for (const struct yaml_node *n = yaml_find(node, "items")->first; n; n = n->next)
			node_add(w, n); /* a list in a list is none of any cluster: two deep */
	else
		unknown_add(w, node);
}

int canonical_add(struct canonical *c, const char *file, struct slice bytes)
{
	struct problem_sink problems = {0};
	struct arena nodes = {0};
	const struct yaml_node *documents = yaml_read(bytes, &nodes, &problems);
	int err = documents ? 0 : -ENOMEM;

	if (problems.errors)
		err = -EBADMSG;
	for (const struct yaml_node *n = err ? NULL : documents->first; n; n = n->next) {
		struct canonical_writer w = {.c = c, .file = file};

		node_add(&w, n);
	}
	problem_sink_free(&problems);
	arena_free(&nodes);
	return err ? err : c->arena.failed ? -ENOMEM : 0;
}

bool canonical_place(const struct canonical *c, const char *title, const char **ret_file,
		     uint32_t *ret_line, uint32_t *ret_column)
{
	for (uint32_t i = 0; i < c->count; i++) {
		const struct canonical_object *o = &c->items[i];

		if (!o->source || strcmp(o->source, title) != 0)
			continue;
		*ret_file = o->file;
		*ret_line = o->at.line;
		*ret_column = o->at.column;
		return true;
	}
	return false;
}

/* ---- all of them */

static int by_kind(const void *left, const void *right)
{
	const struct canonical_object *a = left, *b = right;
	int order = (a->kind > b->kind) - (a->kind < b->kind);

	order = order ? order : strcmp(a->namespace_name, b->namespace_name);
	order = order ? order : strcmp(a->name, b->name);
	return order ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

int canonical_visit(struct canonical *c, void (*visit)(void *arg, struct slice text), void *arg)
{
	if (canonical_slices_choose(c) || c->arena.failed)
		return -ENOMEM;
	if (c->count)
		qsort(c->items, c->count, sizeof(c->items[0]), by_kind);
	for (uint32_t i = 0; i < c->count; i++)
		visit(arg, c->items[i].text);
	return 0;
}
