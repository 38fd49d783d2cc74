// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads nodes by the table of their schema. Each value gives a hash; those of a map are added, so
 * that the order of keys does not count, those of a list are chained. */
#include "mesh-config/schema/state.h"

#include "base/table.h"

const struct schema some_object_schema = {
	.name = "object", .size_bytes = sizeof(struct place), .open = true};

static uint64_t value_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			   void *out);
static uint64_t draft_fill(struct reading *r, const struct schema *schema,
			   const struct yaml_node *map, char *draft);

static void type_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	schema_type_report(r, f, n, yaml_describe(n));
}

/* ---- lists, objects */

static uint64_t object_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			    void **out)
{
	uint64_t hash = 0;

	if (n->kind == YAML_MAP)
		*out = schema_read(r, f->object, n, &hash);
	else
		type_report(r, f, n);
	if (!hash && f->object->some) {
		*out = NULL; /* nothing of it is honoured: as if it were not there */
		return 0;
	}
	return hash + 1; /* an empty object is not an absent one */
}

static uint64_t objects_read(struct reading *r, const struct field *f, const struct yaml_node *map,
			     struct draft_list *out)
{
	size_t size = f->object->size_bytes;
	uint64_t hash = 0;

	*out = (struct draft_list){.at = map->at};
	if (map->kind != YAML_MAP) {
		type_report(r, f, map);
		return 0;
	}
	out->items = arena_take(r->arena, size * map->count);
	for (const struct yaml_node *n = map->first; n && out->items; n = n->next) {
		char *draft = (char *)out->items + size * out->count;
		const char *key = pool_text(r->pool, n->key);

		r->arena->failed |= !key;
		if (n->kind != YAML_MAP || !key) {
			type_report(r, f, n);
			continue;
		}
		hash += (1 + draft_fill(r, f->object, n, draft)) *
			table_hash(n->key.data, n->key.size_bytes, 1);
		*(const char **)(draft + sizeof(struct place)) = key;
		out->count++;
	}
	return hash;
}

static uint64_t item_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			  void *draft)
{
	if (f->type == FIELD_OBJECT)
		return 1 + draft_fill(r, f->object, n, draft);
	if (f->type == FIELD_TEXT)
		*(const char **)draft = pool_empty;
	if (f->type == FIELD_WORD)
		((struct draft_text *)draft)->text = pool_empty;
	return value_read(r, f, n, draft);
}

/* One value where a list belongs: it is said, and read on as a list of it. */
static void list_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	problem_add(r->problems, PROBLEM_TYPE, n->at, "field \"%s\" is a list, not %s", f->name,
		    yaml_describe(n));
	if (n->kind == YAML_TEXT && n->text.size_bytes < 64 && f->type != FIELD_OBJECT)
		problem_hint(r->problems, "a list of one is \"%s: [%.*s]\"", f->name,
			     (int)n->text.size_bytes, n->text.data);
	else if (n->kind == YAML_MAP && f->type == FIELD_OBJECT)
		problem_hint(r->problems, "each item of a list begins with \"- \"");
}

static uint64_t list_read(struct reading *r, const struct field *f, const struct yaml_node *list,
			  struct draft_list *out)
{
	struct field item = *f;
	size_t size = f->type == FIELD_OBJECT ? f->object->size_bytes
					      : schema_type_size((enum field_type)f->type);
	const struct yaml_node *first = list->first;
	struct yaml_node single = *list;
	uint64_t hash = list->count;
	uint32_t count = list->count;

	*out = (struct draft_list){.at = list->at};
	item.list = false;
	item.required = f->form != FORM_ANY;
	if (list->kind != YAML_LIST) {
		list_report(r, f, list);
		count = 1;
		single.next = NULL;
		first = (list->kind == YAML_MAP) == (f->type == FIELD_OBJECT) ? &single : NULL;
	}
	out->items = arena_take(r->arena, size * count);
	for (const struct yaml_node *n = first; n && out->items; n = n->next) {
		if (f->type == FIELD_OBJECT && n->kind != YAML_MAP) {
			type_report(r, f, n);
			continue;
		}
		hash = hash * 31 + item_read(r, &item, n, (char *)out->items + size * out->count);
		out->count++;
	}
	return hash;
}

/* ---- one value */

static uint64_t value_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			   void *out)
{
	if (f->list)
		return list_read(r, f, n, out);
	if (f->type == FIELD_OBJECT)
		return object_read(r, f, n, out);
	if (f->type == FIELD_OBJECTS)
		return objects_read(r, f, n, out);
	return schema_value_read(r, f, n, out);
}

static const char *default_text(struct reading *r, const struct field *f)
{
	const char *text =
		f->has_fallback ? pool_text(r->pool, slice_of(f->fallback_text)) : pool_empty;

	r->arena->failed |= !text;
	return text ? text : pool_empty;
}

static void default_set(struct reading *r, const struct field *f, char *draft)
{
	void *out = draft + f->offset;

	if (f->list || f->status != FIELD_HONOURED)
		return;
	switch ((enum field_type)f->type) {
	case FIELD_TEXT:
		*(const char **)out = default_text(r, f);
		break;
	case FIELD_WORD:
	case FIELD_PORT_NAME:
		((struct draft_text *)out)->text = default_text(r, f);
		break;
	case FIELD_BOOL:
		*(int8_t *)out = (int8_t)f->fallback;
		break;
	case FIELD_NUMBER:
	case FIELD_DURATION:
		*(uint32_t *)out = f->fallback;
		break;
	case FIELD_REAL:
		*(double *)out = f->has_fallback ? (double)f->fallback : -1;
		break;
	case FIELD_ENUM:
		*(uint8_t *)out = (uint8_t)f->fallback;
		break;
	case FIELD_LABELS:
	case FIELD_ANNOTATIONS:
		*(const struct mesh_labels **)out = pool_labels_none;
		break;
	default:
		break;
	}
}

void schema_defaults(struct reading *r, const struct schema *schema, void *draft)
{
	for (uint32_t i = 0; i < schema->count; i++)
		default_set(r, &schema->fields[i], draft);
}

const struct field *schema_field(const struct schema *schema, struct slice name)
{
	const struct field *former = NULL;

	for (uint32_t i = 0; i < schema->count; i++) {
		const struct field *f = &schema->fields[i];

		if (slice_equal(slice_of(f->name), name))
			return f;
		if (f->former && slice_equal(slice_of(f->former), name))
			former = f;
	}
	return former;
}

bool schema_asks_nothing(const struct field *f, const struct yaml_node *n)
{
	return n->kind == YAML_NULL ||
	       ((n->kind == YAML_LIST || n->kind == YAML_MAP) && !n->count) ||
	       (f && f->asks_nothing && f->asks_nothing(n));
}

/* What weft does without has the type of its field all the same. */
static uint64_t unhonoured_read(struct reading *r, const struct field *f, const struct yaml_node *n,
				char *draft)
{
	uint64_t scratch[8] = {0};

	_Static_assert(sizeof(struct draft_list) <= sizeof(scratch) &&
			       sizeof(struct draft_address) <= sizeof(scratch),
		       "room for a value of any type");
	if (f->type != FIELD_ANY && n->kind != YAML_NULL)
		value_read(r, f, n, scratch);
	if (f->status < FIELD_WARNED || schema_asks_nothing(f, n))
		return 0;
	problem_add(r->problems, (enum problem_code)f->code, n->key_at, "\"%s\": %s", f->name,
		    f->doc);
	if (!f->noted)
		return 0;
	*(struct place *)(draft + f->noted) = n->key_at;
	return 1;
}

static void former_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	if (f->former && !slice_equal(n->key, slice_of(f->name))) {
		problem_add(r->problems, PROBLEM_FORMER_NAME, n->key_at, "\"%s\" is \"%s\" today",
			    f->former, f->name);
		problem_hint(r->problems, "write \"%s\"", f->name);
	}
}

static uint64_t field_read(struct reading *r, const struct schema *schema, const struct field *f,
			   const struct yaml_node *n, char *draft)
{
	if (f->status != FIELD_HONOURED)
		return unhonoured_read(r, f, n, draft) * (2 * (uint64_t)(f - schema->fields) + 3);
	if (n->kind == YAML_NULL)
		return 0;
	if (f->noted)
		*(struct place *)(draft + f->noted) = n->at;
	former_report(r, f, n);
	return value_read(r, f, n, draft + f->offset) * (2 * (uint64_t)(f - schema->fields) + 3);
}

/* Where the field of |map| is, by one of its names; NULL where it is not or nothing. */
static const struct yaml_node *given(const struct yaml_node *map, const struct field *f)
{
	const struct yaml_node *n = yaml_find(map, f->name);

	if (!n && f->former)
		n = yaml_find(map, f->former);
	return n && n->kind != YAML_NULL ? n : NULL;
}

/* An empty object has a table of its own to say what it needs; texts are looked at when read. */
static void required_check(struct reading *r, const struct schema *schema,
			   const struct yaml_node *map)
{
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct field *f = &schema->fields[i];
		const struct yaml_node *n = f->required ? given(map, f) : NULL;

		if (f->required && !n)
			problem_add(r->problems, PROBLEM_REQUIRED, map->at,
				    "field \"%s\" is missing in %s", f->name, schema->name);
		else if (n && (n->kind == YAML_LIST || n->kind == YAML_MAP) && !n->count &&
			 (f->list || f->type != FIELD_OBJECT))
			schema_empty_report(r, f->name, n->at);
	}
}

/* Fields that are two answers to one question, the former name of a field and its own among them.
 */
static void exclusive_check(struct reading *r, const struct schema *schema,
			    const struct yaml_node *map)
{
	const struct yaml_node *n, *other;

	for (uint32_t i = 0; i < schema->count; i++) {
		const struct field *f = &schema->fields[i];

		n = f->former ? yaml_find(map, f->former) : NULL;
		if (n && yaml_find(map, f->name))
			problem_add(r->problems, PROBLEM_EXCLUSIVE, n->key_at,
				    "\"%s\" and \"%s\" are one field", f->former, f->name);
		n = f->one_of ? given(map, f) : NULL;
		for (uint32_t j = 0; n && j < i; j++) {
			other = f->one_of == schema->fields[j].one_of
					? given(map, &schema->fields[j])
					: NULL;
			if (other) {
				problem_add(r->problems, PROBLEM_EXCLUSIVE, n->key_at,
					    "\"%s\" and \"%s\" exclude each other", f->name,
					    schema->fields[j].name);
				problem_hint(r->problems, "keep one of them");
			}
		}
	}
}

static void some_check(struct reading *r, const struct schema *schema, const struct yaml_node *map)
{
	for (uint32_t i = 0; i < schema->count; i++)
		if (given(map, &schema->fields[i]))
			return;
	problem_add(r->problems, PROBLEM_REQUIRED, map->at, "an empty %s says nothing",
		    schema->name);
}

static uint64_t draft_fill(struct reading *r, const struct schema *schema,
			   const struct yaml_node *map, char *draft)
{
	bool elsewhere = r->problems->elsewhere;
	uint64_t hash = 0;

	r->problems->elsewhere |= schema->elsewhere && schema->elsewhere(map);
	*(struct place *)draft = map->at;
	schema_defaults(r, schema, draft);
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		const struct field *f = schema_field(schema, n->key);

		if (f)
			hash += field_read(r, schema, f, n, draft);
		else if (!schema->open)
			schema_unknown_report(r, schema, n);
	}
	required_check(r, schema, map);
	exclusive_check(r, schema, map);
	if (schema->some)
		some_check(r, schema, map);
	if (schema->check)
		schema->check(r, draft);
	r->problems->elsewhere = elsewhere;
	return hash;
}

void *schema_read(struct reading *r, const struct schema *schema, const struct yaml_node *map,
		  uint64_t *ret_hash)
{
	char *draft = arena_take(r->arena, schema->size_bytes);

	if (draft)
		*ret_hash = draft_fill(r, schema, map, draft);
	return draft;
}
