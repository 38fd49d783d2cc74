// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads nodes by the table of their schema. Each value gives a hash; those of a map are added, so
 * that the order of keys does not count, those of a list are chained. */
#include "mesh-config/schema.h"

#include "base/table.h"
#include "mesh-config/nearest.h"

#include <stdlib.h>

#define NAMED_AT_MOST 12 /* allowed words in a hint */

static const char *const type_texts[] = {
#define X(name, type, text) text,
	FIELD_TYPES(X)
#undef X
};

static const size_t type_sizes[] = {
#define X(name, type, text) sizeof(type),
	FIELD_TYPES(X)
#undef X
};

const char *field_type_text(enum field_type type)
{
	return type_texts[type];
}

static uint64_t value_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			   void *out);
static uint64_t draft_fill(struct reading *r, const struct schema *schema,
			   const struct yaml_node *map, char *draft);

/* ---- messages */

static void type_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	struct problem_note *note =
		problem_add(r->problems, PROBLEM_TYPE, n->at, "field \"%s\" takes %s, not %s",
			    f->name, type_texts[f->type], yaml_describe(n));

	if (f->type == FIELD_BOOL)
		problem_hint(r->problems, note, "write true or false");
	else if (f->type == FIELD_DURATION)
		problem_hint(r->problems, note, "durations look like 10s, 500ms, 1m30s");
	else if (f->type == FIELD_NUMBER && n->kind == YAML_TEXT && !n->plain)
		problem_hint(r->problems, note, "leave out the quotes");
}

/* The names of |schema| that fit best to |key|, or all when they are few. */
static void names_hint(struct reading *r, struct problem_note *note, const struct schema *schema,
		       struct slice key)
{
	const char *best = NULL;
	uint32_t best_distance = UINT32_MAX;
	char allowed[512] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < schema->count; i++) {
		const char *name = schema->fields[i].name;
		uint32_t distance = nearest_distance(key, (struct slice){name, strlen(name)});

		if (distance < best_distance) {
			best = name;
			best_distance = distance;
		}
		if (schema->count <= NAMED_AT_MOST && used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
						 i ? ", " : "", name);
	}
	if (best && nearest_is_slip(best_distance, strlen(best)))
		problem_hint(r->problems, note, "did you mean \"%s\"?%s%s", best,
			     allowed[0] ? " allowed: " : "", allowed);
	else if (allowed[0])
		problem_hint(r->problems, note, "allowed: %s", allowed);
}

static void unknown_report(struct reading *r, const struct schema *schema,
			   const struct yaml_node *n)
{
	struct problem_note *note = problem_add(r->problems, PROBLEM_UNKNOWN_FIELD, n->key_at,
						"unknown field \"%.*s\" in %s",
						(int)n->key.size_bytes, n->key.data, schema->name);

	names_hint(r, note, schema, n->key);
}

static void words_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	struct problem_note *note = problem_add(r->problems, PROBLEM_VALUE, n->at,
						"\"%.*s\" is not a value of field \"%s\"",
						(int)n->text.size_bytes, n->text.data, f->name);
	const char *best = NULL;
	uint32_t best_distance = UINT32_MAX;
	char allowed[512] = "";
	size_t used = 0;

	for (uint32_t i = 0; f->words[i]; i++) {
		uint32_t distance =
			nearest_distance(n->text, (struct slice){f->words[i], strlen(f->words[i])});

		if (!f->words[i][0])
			continue;
		if (distance < best_distance)
			best = f->words[i];
		best_distance = distance < best_distance ? distance : best_distance;
		if (used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
						 used ? ", " : "", f->words[i]);
	}
	if (best && nearest_is_slip(best_distance, strlen(best)))
		problem_hint(r->problems, note, "did you mean \"%s\"? allowed: %s", best, allowed);
	else
		problem_hint(r->problems, note, "allowed: %s", allowed);
}

/* ---- scalars */

static uint64_t text_hash(const struct yaml_node *n)
{
	return table_hash(n->text.data, n->text.size_bytes, YAML_TEXT);
}

/* A text, or NULL after saying why not. */
static const char *text_take(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	if (n->kind != YAML_TEXT) {
		type_report(r, f, n);
		return NULL;
	}
	if (n->plain && f->type != FIELD_PORT_NAME && yaml_describe(n)[2] != 't')
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_NUMBER_AS_TEXT, n->at,
					 "field \"%s\" is a text, this is %s", f->name,
					 yaml_describe(n)),
			     "write \"%.*s\"", (int)n->text.size_bytes, n->text.data);
	const char *text = pool_text(r->pool, n->text);

	r->arena->failed |= !text;
	return text;
}

static void text_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      const char **out)
{
	const char *text = text_take(r, f, n);

	if (text)
		*out = text;
}

static void word_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      struct draft_text *out)
{
	out->at = n->at;
	text_read(r, f, n, &out->text);
}

static void bool_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      int8_t *out)
{
	bool yes = n->kind == YAML_TEXT && n->plain && slice_equal(n->text, SLICE("true"));

	if (yes || (n->kind == YAML_TEXT && n->plain && slice_equal(n->text, SLICE("false"))))
		*out = yes;
	else
		type_report(r, f, n);
}

static void range_check(struct reading *r, const struct field *f, const struct yaml_node *n,
			uint32_t value, uint32_t *out)
{
	if (value >= f->min && (!f->max || value <= f->max)) {
		*out = value;
		return;
	}
	struct problem_note *note =
		problem_add(r->problems, PROBLEM_VALUE, n->at, "field \"%s\" cannot be %.*s",
			    f->name, (int)n->text.size_bytes, n->text.data);
	const char *unit = f->type == FIELD_DURATION ? "ms" : "";

	if (f->max)
		problem_hint(r->problems, note, "from %u%s to %u%s", f->min, unit, f->max, unit);
	else
		problem_hint(r->problems, note, "at least %u%s", f->min, unit);
}

static void number_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			uint32_t *out)
{
	uint32_t value;

	if (n->kind != YAML_TEXT || !n->plain || yaml_describe(n)[2] != 'n')
		type_report(r, f, n);
	else if (number_parse(n->text, &value))
		range_check(r, f, n, value, out);
	else
		range_check(r, f, n, f->min ? 0 : UINT32_MAX, out);
}

static void real_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      double *out)
{
	char *end = NULL;
	double value = n->kind == YAML_TEXT ? strtod(n->text.data, &end) : 0;
	double most = f->max ? f->max : 1e300;

	if (n->kind != YAML_TEXT || !n->plain || *end || yaml_describe(n)[2] != 'n')
		type_report(r, f, n);
	else if (!(value >= f->min && value <= most))
		problem_add(r->problems, PROBLEM_VALUE, n->at,
			    "field \"%s\" is a number from %u to %g", f->name, f->min, most);
	else
		*out = value;
}

static void duration_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			  uint32_t *out)
{
	uint32_t ms;

	if (n->kind != YAML_TEXT || !duration_parse(n->text, &ms))
		type_report(r, f, n);
	else
		range_check(r, f, n, ms, out);
}

static void enum_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      uint8_t *out)
{
	if (n->kind != YAML_TEXT) {
		type_report(r, f, n);
		return;
	}
	for (uint8_t i = 0; f->words[i]; i++)
		if (slice_equal(n->text, (struct slice){f->words[i], strlen(f->words[i])})) {
			*out = i;
			return;
		}
	words_report(r, f, n);
}

static void address_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			 struct draft_address *out)
{
	struct problem_note *note;
	bool clean = true;

	out->at = n->at;
	if (n->kind != YAML_TEXT) {
		type_report(r, f, n);
	} else if (!prefix_parse(n->text, &out->prefix, &clean)) {
		note = problem_add(r->problems, PROBLEM_ADDRESS, n->at,
				   "\"%.*s\" is not an address", (int)n->text.size_bytes,
				   n->text.data);
		problem_hint(r->problems, note,
			     "addresses look like 10.1.2.3, fd00::1, 10.0.0.0/8");
	} else if (!clean) {
		note = problem_add(r->problems, PROBLEM_ADDRESS, n->at,
				   "\"%.*s\" has bits set behind its prefix",
				   (int)n->text.size_bytes, n->text.data);
		problem_hint(r->problems, note, "write the first address of the network");
	}
}

static void locality_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			  const struct mesh_locality **out)
{
	const struct mesh_locality *locality;

	if (n->kind != YAML_TEXT) {
		type_report(r, f, n);
		return;
	}
	locality = pool_locality(r->pool, n->text);
	r->arena->failed |= !locality;
	if (locality)
		*out = locality;
}

/* ---- maps of scalars */

bool schema_annotation_counts(struct slice key)
{
	return slice_starts_with(key, SLICE("weft.dev/")) ||
	       slice_starts_with(key, SLICE("istio.io/")) ||
	       slice_starts_with(key, SLICE("networking.istio.io/"));
}

static uint64_t labels_read(struct reading *r, const struct field *f, const struct yaml_node *map,
			    const struct mesh_labels **out)
{
	struct field item = *f; /* named by its key in messages */
	struct mesh_label *labels;
	uint32_t count = 0;
	uint64_t hash = 0;

	if (map->kind != YAML_MAP) {
		type_report(r, f, map);
		return 0;
	}
	labels = calloc(map->count + 1, sizeof(*labels));
	r->arena->failed |= !labels;
	for (const struct yaml_node *n = map->first; n && labels; n = n->next) {
		if (n->kind == YAML_NULL ||
		    (f->type == FIELD_ANNOTATIONS && !schema_annotation_counts(n->key)))
			continue;
		labels[count].key = pool_text(r->pool, n->key);
		item.name = n->key.data;
		labels[count].value = text_take(r, &item, n);
		hash += text_hash(n) * table_hash(n->key.data, n->key.size_bytes, 1);
		count += labels[count].key && labels[count].value;
	}
	const struct mesh_labels *set = labels ? pool_labels(r->pool, labels, count) : NULL;

	free(labels);
	r->arena->failed |= !set;
	if (set)
		*out = set;
	return hash;
}

static uint64_t numbers_read(struct reading *r, const struct field *f, const struct yaml_node *map,
			     struct draft_list *out)
{
	struct field named = *f;
	struct draft_number *items;
	uint64_t hash = 0;

	*out = (struct draft_list){.at = map->at};
	if (map->kind != YAML_MAP) {
		type_report(r, f, map);
		return 0;
	}
	items = arena_array(r->arena, struct draft_number, map->count);
	for (const struct yaml_node *n = map->first; n && items; n = n->next) {
		struct draft_number *item = &items[out->count];

		item->at = n->key_at;
		item->key = pool_text(r->pool, n->key);
		r->arena->failed |= !item->key;
		named.name = n->key.data;
		number_read(r, &named, n, &item->value);
		hash += text_hash(n) * table_hash(n->key.data, n->key.size_bytes, 1);
		out->count += item->key != NULL;
	}
	out->items = items;
	return hash;
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
	struct problem_note *note =
		problem_add(r->problems, PROBLEM_TYPE, n->at, "field \"%s\" is a list, not %s",
			    f->name, yaml_describe(n));

	if (n->kind == YAML_TEXT && n->text.size_bytes < 64 && f->type != FIELD_OBJECT)
		problem_hint(r->problems, note, "a list of one is \"%s: [%.*s]\"", f->name,
			     (int)n->text.size_bytes, n->text.data);
	else if (n->kind == YAML_MAP && f->type == FIELD_OBJECT)
		problem_hint(r->problems, note, "each item of a list begins with \"- \"");
}

static uint64_t list_read(struct reading *r, const struct field *f, const struct yaml_node *list,
			  struct draft_list *out)
{
	struct field item = *f;
	size_t size = f->type == FIELD_OBJECT ? f->object->size_bytes : type_sizes[f->type];
	const struct yaml_node *first = list->first;
	struct yaml_node single = *list;
	uint64_t hash = list->count;
	uint32_t count = list->count;

	*out = (struct draft_list){.at = list->at};
	item.list = false;
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
	switch ((enum field_type)f->type) {
	case FIELD_ANY:
		return 0;
	case FIELD_TEXT:
		text_read(r, f, n, out);
		break;
	case FIELD_WORD:
	case FIELD_PORT_NAME:
		word_read(r, f, n, out);
		break;
	case FIELD_BOOL:
		bool_read(r, f, n, out);
		break;
	case FIELD_NUMBER:
		number_read(r, f, n, out);
		break;
	case FIELD_REAL:
		real_read(r, f, n, out);
		break;
	case FIELD_DURATION:
		duration_read(r, f, n, out);
		break;
	case FIELD_ENUM:
		enum_read(r, f, n, out);
		break;
	case FIELD_ADDRESS:
		address_read(r, f, n, out);
		break;
	case FIELD_LOCALITY:
		locality_read(r, f, n, out);
		break;
	case FIELD_LABELS:
	case FIELD_ANNOTATIONS:
		return labels_read(r, f, n, out);
	case FIELD_NUMBERS:
		return numbers_read(r, f, n, out);
	case FIELD_OBJECTS:
		return objects_read(r, f, n, out);
	case FIELD_OBJECT:
		return object_read(r, f, n, out);
	}
	return text_hash(n);
}

static void default_set(const struct field *f, char *draft)
{
	void *out = draft + f->offset;

	if (f->list || f->status != FIELD_HONOURED)
		return;
	switch ((enum field_type)f->type) {
	case FIELD_TEXT:
		*(const char **)out = pool_empty;
		break;
	case FIELD_WORD:
	case FIELD_PORT_NAME:
		((struct draft_text *)out)->text = pool_empty;
		break;
	case FIELD_BOOL:
		*(int8_t *)out = (int8_t)f->fallback;
		break;
	case FIELD_NUMBER:
	case FIELD_DURATION:
		*(uint32_t *)out = f->fallback;
		break;
	case FIELD_REAL:
		*(double *)out = f->fallback_text ? (double)f->fallback : -1;
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

static const struct field *field_find(const struct schema *schema, struct slice key)
{
	for (uint32_t i = 0; i < schema->count; i++)
		if (strlen(schema->fields[i].name) == key.size_bytes &&
		    !memcmp(schema->fields[i].name, key.data, key.size_bytes))
			return &schema->fields[i];
	return NULL;
}

/* An empty list or map where nothing is honoured asks for nothing. */
static bool is_empty(const struct yaml_node *n)
{
	return n->kind == YAML_NULL || ((n->kind == YAML_LIST || n->kind == YAML_MAP) && !n->count);
}

static uint64_t field_read(struct reading *r, const struct schema *schema, const struct field *f,
			   const struct yaml_node *n, char *draft)
{
	if (f->status == FIELD_HONOURED && n->kind != YAML_NULL)
		return value_read(r, f, n, draft + f->offset) *
		       (2 * (uint64_t)(f - schema->fields) + 3);
	if (f->status >= FIELD_WARNED && !is_empty(n))
		problem_add(r->problems, (enum problem_code)f->code, n->key_at, "\"%s\": %s",
			    f->name, f->doc);
	return 0;
}

static void required_check(struct reading *r, const struct schema *schema,
			   const struct yaml_node *map)
{
	for (uint32_t i = 0; i < schema->count; i++) {
		const struct yaml_node *n;

		if (!schema->fields[i].required)
			continue;
		n = yaml_find(map, schema->fields[i].name);
		if (!n || n->kind == YAML_NULL)
			problem_add(r->problems, PROBLEM_REQUIRED, map->at,
				    "field \"%s\" is missing in %s", schema->fields[i].name,
				    schema->name);
	}
}

static uint64_t draft_fill(struct reading *r, const struct schema *schema,
			   const struct yaml_node *map, char *draft)
{
	uint64_t hash = 0;

	*(struct place *)draft = map->at;
	for (uint32_t i = 0; i < schema->count; i++)
		default_set(&schema->fields[i], draft);
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		const struct field *f = field_find(schema, n->key);

		if (f)
			hash += field_read(r, schema, f, n, draft);
		else if (!schema->open)
			unknown_report(r, schema, n);
	}
	required_check(r, schema, map);
	if (schema->check)
		schema->check(r, draft);
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
