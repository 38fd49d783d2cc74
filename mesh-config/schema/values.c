// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Single values and maps of them. */
#include "mesh-config/schema/state.h"

#include "base/table.h"

#include <stdlib.h>

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

size_t schema_type_size(enum field_type type)
{
	return type_sizes[type];
}

static void type_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	schema_type_report(r, f, n, yaml_describe(n));
}

/* ---- scalars */

static uint64_t text_hash(const struct yaml_node *n)
{
	return table_hash(n->text.data, n->text.size_bytes, YAML_TEXT);
}

/* Whether |text| is as |f| wants it; says so if not. An empty one is one that is not given, unless
 * the field needs it. */
static void form_check(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	if (!n->text.size_bytes && (f->required || f->form == FORM_FILLED))
		schema_empty_report(r, f->name, n->at);
	else if (n->text.size_bytes && !form_fits((enum field_form)f->form, n->text))
		schema_form_report(r, f, n->text, n->at);
}

/* A text, or NULL after saying why not. */
static const char *text_take(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	const char *other = n->kind == YAML_TEXT ? yaml_mistaken(n) : yaml_describe(n);
	const char *text;

	if (other && !(n->kind == YAML_TEXT && f->type == FIELD_PORT_NAME)) {
		schema_type_report(r, f, n, other);
		return NULL;
	}
	form_check(r, f, n);
	text = pool_text(r->pool, n->text);
	r->arena->failed |= !text;
	return text;
}

static void text_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      const char **out)
{
	const char *text = text_take(r, f, n);

	if (text && (*text || !f->has_fallback))
		*out = text;
}

static void word_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		      struct draft_text *out)
{
	const char *text = text_take(r, f, n);

	out->at = n->at;
	out->unread = !text;
	if (text && (*text || !f->has_fallback))
		out->text = text;
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
	const char *unit = f->type == FIELD_DURATION ? "ms" : "";

	if (value >= f->min && (!f->max || value <= f->max)) {
		*out = value;
		return;
	}
	problem_add(r->problems, PROBLEM_VALUE, n->at, "field \"%s\" cannot be %.*s", f->name,
		    (int)n->text.size_bytes, n->text.data);
	if (f->max)
		problem_hint(r->problems, "from %u%s to %u%s", f->min, unit, f->max, unit);
	else
		problem_hint(r->problems, "at least %u%s", f->min, unit);
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
		if (slice_equal(n->text, slice_of(f->words[i]))) {
			*out = i;
			return;
		}
	schema_words_report(r, f, n);
}

static void address_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			 struct draft_address *out)
{
	bool clean = true;

	out->at = n->at;
	if (n->kind != YAML_TEXT) {
		type_report(r, f, n);
	} else if (!prefix_parse(n->text, &out->prefix, &clean)) {
		problem_add(r->problems, PROBLEM_ADDRESS, n->at, "\"%.*s\" is not an address",
			    (int)n->text.size_bytes, n->text.data);
		problem_hint(r->problems, "addresses look like 10.1.2.3, fd00::1, 10.0.0.0/8");
	} else if (!form_fits((enum field_form)f->form, n->text)) {
		schema_form_report(r, f, n->text, n->at);
	} else if (!clean) {
		problem_add(r->problems, PROBLEM_HOST_BITS, n->at,
			    "\"%.*s\" has bits set behind its prefix: the whole network is "
			    "meant",
			    (int)n->text.size_bytes, n->text.data);
		problem_hint(r->problems, "write the first address of the network");
	}
}

static void locality_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			  const struct mesh_locality **out)
{
	const struct mesh_locality *locality;

	if (!text_take(r, f, n))
		return;
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

/* One of |f|, which names no key; in messages it has that of |n|. */
static bool label_read(struct reading *r, const struct field *f, const struct yaml_node *n,
		       struct mesh_label *out)
{
	struct field item = *f;

	item.name = n->key.data;
	item.type = FIELD_TEXT;
	item.form = f->type == FIELD_ANNOTATIONS ? FORM_ANY : f->form ? f->form : FORM_LABELS;
	if (item.form != FORM_ANY && !form_key_fits((enum field_form)item.form, n->key)) {
		item.name = f->name;
		schema_form_report(r, &item, n->key, n->key_at);
		return false;
	}
	out->key = pool_text(r->pool, n->key);
	out->value = text_take(r, &item, n);
	r->arena->failed |= !out->key;
	return out->key && out->value;
}

static uint64_t labels_read(struct reading *r, const struct field *f, const struct yaml_node *map,
			    const struct mesh_labels **out)
{
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
		if (f->type == FIELD_ANNOTATIONS && !schema_annotation_counts(n->key))
			continue;
		count += label_read(r, f, n, &labels[count]);
		hash += text_hash(n) * table_hash(n->key.data, n->key.size_bytes, 1);
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
		if (!form_key_fits((enum field_form)f->form, n->key))
			schema_form_report(r, f, n->key, n->key_at);
		named.name = n->key.data;
		number_read(r, &named, n, &item->value);
		hash += text_hash(n) * table_hash(n->key.data, n->key.size_bytes, 1);
		out->count += item->key != NULL;
	}
	out->items = items;
	return hash;
}

/* ---- one value */

uint64_t schema_value_read(struct reading *r, const struct field *f, const struct yaml_node *n,
			   void *out)
{
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
	case FIELD_OBJECT:
		return 0; /* schema.c */
	}
	return text_hash(n);
}
