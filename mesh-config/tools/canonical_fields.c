// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes maps by the table of their schema, and tells what the table does not honour. */
#include "mesh-config/tools/canonical_state.h"

#define INDENT_STEP 2

/* ---- losses */

/* Adds to the path; what to cut it to afterwards. */
static size_t path_add(struct canonical_writer *w, const char *format, int size, const char *text,
		       uint32_t index)
{
	size_t before = w->path_used, room = sizeof(w->path) - before;
	int n = size < 0 ? snprintf(w->path + before, room, format, index)
			 : snprintf(w->path + before, room, format, size, text);

	w->path_used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

static size_t path_enter(struct canonical_writer *w, struct slice key)
{
	return path_add(w, w->path_used ? ".%.*s" : "%.*s", (int)key.size_bytes, key.data, 0);
}

static size_t path_index(struct canonical_writer *w, uint32_t index)
{
	return path_add(w, "[%u]", -1, NULL, index);
}

static void path_leave(struct canonical_writer *w, size_t before)
{
	w->path_used = before;
	w->path[before] = 0;
}

static void lose(struct canonical_writer *w, struct place at, struct slice field, const char *why,
		 bool kept, bool noise)
{
	struct canonical_loss loss = {.file = w->file,
				      .line = at.line,
				      .column = at.column,
				      .object = w->object,
				      .what = w->path,
				      .why = why,
				      .kept = kept,
				      .noise = noise};
	size_t before = w->path_used;

	if (!w->c->options.convert)
		return;
	if (field.size_bytes)
		path_enter(w, field);
	if (!noise && !kept)
		fprintf(w->comments, "# left out: %s (%s:%u): %s\n",
			w->path[0] ? w->path : w->object, w->file, at.line, why);
	if (w->c->options.loss)
		w->c->options.loss(w->c->options.arg, &loss);
	path_leave(w, before);
}

void canonical_lose(struct canonical_writer *w, struct place at, struct slice field,
		    const char *why, bool kept)
{
	lose(w, at, field, why, kept, false);
}

/* ---- what counts */

/* The node of a field, by its name or its former one; NULL where there is none. */
static const struct yaml_node *node_of(const struct yaml_node *map, const struct field *f)
{
	const struct yaml_node *n = yaml_find(map, f->name);

	return n || !f->former ? n : yaml_find(map, f->former);
}

/* Whether weft would do something else than is written here. */
static bool is_refused(const struct schema *schema, const struct field *f,
		       const struct yaml_node *n)
{
	return !schema_asks_nothing(f, n) && (f ? f->status == FIELD_REFUSED : !schema->open);
}

/* path of the Gateway API, where it is not that of every request. */
static bool is_some_path(const struct yaml_node *n)
{
	const struct yaml_node *type = yaml_find(n, "type"), *value = yaml_find(n, "value");

	if (!slice_equal(n->key, SLICE("path")) || n->kind != YAML_MAP)
		return false;
	return (type && !slice_equal(type->text, SLICE("PathPrefix"))) ||
	       (value && !slice_equal(value->text, SLICE("/")));
}

/* Of a condition. */
static bool has_refused(const struct schema *schema, const struct yaml_node *map)
{
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		const struct field *f = schema_field(schema, n->key);

		if (is_refused(schema, f, n) || is_some_path(n))
			return true;
		if (f && f->type == FIELD_OBJECT && !f->list && n->kind == YAML_MAP &&
		    has_refused(f->object, n))
			return true;
	}
	return false;
}

static bool is_condition(struct slice name)
{
	return slice_equal(name, SLICE("match")) || slice_equal(name, SLICE("matches"));
}

/* A row of conditions holds only if all that it says does. */
static bool condition_is_lost(const struct field *f, const struct yaml_node *row)
{
	return row->kind == YAML_MAP && has_refused(f->object, row);
}

/* A route of which every condition is lost must not be taken without any. */
static bool route_is_lost(const struct field *f, const struct yaml_node *route)
{
	const struct yaml_node *conditions = yaml_find(route, "match");
	const struct field *c;

	conditions = conditions ? conditions : yaml_find(route, "matches");
	c = conditions ? schema_field(f->object, conditions->key) : NULL;
	if (!c || conditions->kind != YAML_LIST || !conditions->count)
		return false;
	if (c->status == FIELD_REFUSED)
		return true;
	for (const struct yaml_node *n = conditions->first; n; n = n->next)
		if (!c->list || c->type != FIELD_OBJECT || !condition_is_lost(c, n))
			return false;
	return true;
}

/* A route of Istio that does something else than to send connections somewhere. */
static bool leads_nowhere(const struct field *f, const struct yaml_node *item)
{
	static const char *const others[] = {"redirect", "directResponse", "delegate"};

	if (!schema_field(f->object, SLICE("route")) || yaml_find(item, "route"))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (yaml_find(item, others[i]))
			return true;
	return false;
}

static bool item_is_lost(const struct canonical_writer *w, const struct field *f,
			 const struct yaml_node *list, const struct yaml_node *item)
{
	if (!w->c->options.convert || w->whole || f->type != FIELD_OBJECT)
		return false;
	if (f->object->elsewhere && item->kind == YAML_MAP && f->object->elsewhere(item))
		return true;
	if (is_condition(list->key))
		return condition_is_lost(f, item);
	return route_is_lost(f, item) || leads_nowhere(f, item);
}

static bool list_is_lost(const struct canonical_writer *w, const struct field *f,
			 const struct yaml_node *list)
{
	if (!f->list || list->kind != YAML_LIST || !list->count)
		return false;
	for (const struct yaml_node *n = list->first; n; n = n->next)
		if (!item_is_lost(w, f, list, n))
			return false;
	return true;
}

/* An annotation that is any of weft's business. */
static bool has_annotation(const struct yaml_node *map)
{
	for (const struct yaml_node *n = map->first; n; n = n->next)
		if (n->kind != YAML_NULL && schema_annotation_counts(n->key))
			return true;
	return map->kind != YAML_MAP;
}

/* An object that needs some field, of which none is left. */
static bool says_nothing(const struct canonical_writer *w, const struct field *f,
			 const struct yaml_node *n)
{
	return f->type == FIELD_OBJECT && !f->list && f->object->some && n->kind == YAML_MAP &&
	       !canonical_has_fields(w, f->object, n);
}

static bool is_written(const struct canonical_writer *w, const struct schema *schema,
		       const struct field *f, const struct yaml_node *n)
{
	if (f && f->status == FIELD_HONOURED)
		return n->kind != YAML_NULL && !list_is_lost(w, f, n) &&
		       (f->type != FIELD_ANNOTATIONS || has_annotation(n)) &&
		       !says_nothing(w, f, n);
	/* without a refused field that makes the object another one what is put out would mean
	 * something else */
	return (w->whole ||
		(!w->c->options.convert && f && f->status == FIELD_REFUSED && f->noted)) &&
	       is_refused(schema, f, n);
}

/* Lists of what an object does. */
static bool is_of_routes(const struct field *f)
{
	static const char *const names[] = {"http", "tcp", "tls", "rules"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(f->name, names[i]))
			return f->list && f->type == FIELD_OBJECT;
	return false;
}

const char *canonical_lost_text(const struct canonical_writer *w, const struct schema *schema,
				const struct yaml_node *spec)
{
	const struct field field = {.type = FIELD_OBJECT, .object = schema};
	bool any = false;

	if (!spec || spec->kind != YAML_MAP)
		return NULL;
	if (schema->elsewhere && schema->elsewhere(spec))
		return "routes of gateways have no effect here";
	if (route_is_lost(&field, spec))
		return "it holds under conditions that weft cannot tell";
	for (const struct yaml_node *n = spec->first; n; n = n->next) {
		const struct field *f = schema_field(schema, n->key);

		if (f && !strcmp(f->name, "workloadSelector") && f->status == FIELD_REFUSED)
			return "it holds for some clients, which weft cannot tell";
		if (!f || !is_of_routes(f) || schema_asks_nothing(f, n))
			continue;
		if (is_written(w, schema, f, n))
			return NULL;
		any = true;
	}
	return any ? "all of its routes hold under conditions that weft cannot tell" : NULL;
}

bool canonical_has_fields(const struct canonical_writer *w, const struct schema *schema,
			  const struct yaml_node *map)
{
	for (const struct yaml_node *n = map->first; n; n = n->next)
		if (is_written(w, schema, schema_field(schema, n->key), n))
			return true;
	return false;
}

/* ---- values */

static void block_begin(struct canonical_writer *w)
{
	fputc(w->yaml.after_dash ? ' ' : '\n', w->yaml.to);
}

static void object_write(struct canonical_writer *w, unsigned indent, const struct schema *schema,
			 const struct yaml_node *map)
{
	if (!canonical_has_fields(w, schema, map))
		yaml_write_empty(&w->yaml, "{}");
	else
		block_begin(w);
	canonical_write_fields(w, indent, schema, map);
}

static void value_write(struct canonical_writer *w, unsigned indent, const struct field *f,
			const struct yaml_node *n)
{
	if (f->type == FIELD_OBJECT && n->kind == YAML_MAP)
		object_write(w, indent, f->object, n);
	else if ((f->type == FIELD_LABELS || f->type == FIELD_NUMBERS) && n->kind == YAML_MAP)
		yaml_write_sorted(&w->yaml, indent, n, NULL);
	else if (f->type == FIELD_ANNOTATIONS && n->kind == YAML_MAP)
		yaml_write_sorted(&w->yaml, indent, n, schema_annotation_counts);
	else
		yaml_write_value(&w->yaml, indent, n);
}

/* Map of objects by names of the operator. */
static void objects_write(struct canonical_writer *w, unsigned indent, const struct field *f,
			  const struct yaml_node *map)
{
	struct field one = *f;

	one.type = FIELD_OBJECT;
	block_begin(w);
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		size_t before = path_enter(w, n->key);

		yaml_write_key(&w->yaml, indent, n->key);
		value_write(w, indent + INDENT_STEP, &one, n);
		path_leave(w, before);
	}
}

static void item_write(struct canonical_writer *w, unsigned indent, const struct field *f,
		       const struct yaml_node *list, const struct yaml_node *item)
{
	if (item_is_lost(w, f, list, item)) {
		canonical_lose(w, item->at, (struct slice){0},
			       is_condition(list->key)
				       ? "a condition that weft cannot tell"
				       : "a route with conditions that weft cannot tell",
			       false);
		return;
	}
	yaml_write_dash(&w->yaml, indent);
	value_write(w, indent + INDENT_STEP, f, item);
}

static void list_write(struct canonical_writer *w, unsigned indent, const struct field *f,
		       const struct yaml_node *list)
{
	uint32_t index = 0;

	if (!list->count)
		yaml_write_empty(&w->yaml, "[]");
	else
		block_begin(w);
	for (const struct yaml_node *n = list->first; n; n = n->next) {
		size_t before = path_index(w, index++);

		item_write(w, indent, f, list, n);
		path_leave(w, before);
	}
}

/* ---- fields */

static void field_write(struct canonical_writer *w, unsigned indent, const struct field *f,
			const struct yaml_node *n)
{
	struct slice name = slice_of(f->name);
	size_t before = path_enter(w, name);

	yaml_write_key(&w->yaml, indent, name);
	if (f->list && n->kind == YAML_LIST)
		list_write(w, indent + INDENT_STEP, f, n);
	else if (f->type == FIELD_OBJECTS && n->kind == YAML_MAP && n->count)
		objects_write(w, indent + INDENT_STEP, f, n);
	else
		value_write(w, indent + INDENT_STEP, f, n);
	path_leave(w, before);
}

/* Items of a list that is left out are told one by one. */
static void list_lose(struct canonical_writer *w, const struct field *f,
		      const struct yaml_node *list)
{
	size_t before = path_enter(w, list->key);
	uint32_t index = 0;

	for (const struct yaml_node *n = list->first; n; n = n->next) {
		size_t row = path_index(w, index++);

		item_write(w, 0, f, list, n);
		path_leave(w, row);
	}
	path_leave(w, before);
}

/* What is in an object that is left out is told one by one; annotations of others are not. */
static void object_lose(struct canonical_writer *w, const struct field *f,
			const struct yaml_node *n)
{
	size_t before;

	if (f->type != FIELD_OBJECT || n->kind != YAML_MAP)
		return;
	before = path_enter(w, n->key);
	canonical_write_fields(w, 0, f->object, n);
	path_leave(w, before);
}

static void unwritten_tell(struct canonical_writer *w, const struct schema *schema,
			   const struct field *f, const struct yaml_node *n)
{
	bool refused = is_refused(schema, f, n);

	if (schema_asks_nothing(f, n) ||
	    (schema == &metadata_schema && f && f->status == FIELD_IGNORED)) /* it is counted */
		return;
	if (f && f->status == FIELD_HONOURED && f->list)
		list_lose(w, f, n);
	else if (f && f->status == FIELD_HONOURED)
		object_lose(w, f, n);
	else if (f || !schema->open)
		lose(w, n->key_at, n->key, f ? f->doc : "not a field of this kind",
		     w->whole && refused, f && f->status == FIELD_IGNORED);
}

void canonical_write_fields(struct canonical_writer *w, unsigned indent,
			    const struct schema *schema, const struct yaml_node *map)
{
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct field *f = &schema->fields[i];
		const struct yaml_node *n = node_of(map, f);

		if (n && f->status == FIELD_HONOURED && is_written(w, schema, f, n))
			field_write(w, indent, f, n);
	}
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		const struct field *f = schema_field(schema, n->key);

		if (f && f->status == FIELD_HONOURED && is_written(w, schema, f, n))
			continue;
		unwritten_tell(w, schema, f, n);
		if (!is_written(w, schema, f, n))
			continue;
		yaml_write_key(&w->yaml, indent, n->key);
		yaml_write_value(&w->yaml, indent + INDENT_STEP, n);
	}
}
