// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Comments and lines go to memory of their own: which comments there are is known behind them. */
#include "mesh-config/tools/canonical_state.h"

#include <stdlib.h>

struct canonical_object *canonical_object_add(struct canonical *c)
{
	if (c->count == c->capacity) {
		uint32_t capacity = c->capacity ? c->capacity * 2 : 64;
		struct canonical_object *grown = realloc(c->items, capacity * sizeof(*grown));

		if (!grown) {
			c->arena.failed = true;
			return NULL;
		}
		c->items = grown;
		c->capacity = capacity;
	}
	c->items[c->count] = (struct canonical_object){.sequence = c->count};
	return &c->items[c->count++];
}

bool canonical_begin(struct canonical_writer *w)
{
	struct canonical_sheets *s = &w->sheets;

	*s = (struct canonical_sheets){0};
	w->comments = open_memstream(&s->comments, &s->comments_bytes);
	w->yaml.to = open_memstream(&s->lines, &s->lines_bytes);
	w->c->arena.failed |= !w->comments || !w->yaml.to;
	if (w->comments && w->yaml.to)
		return true;
	canonical_end(w);
	return false;
}

static bool is_closed_well(FILE *f)
{
	bool bad = !f || ferror(f);

	return !(f && fclose(f)) && !bad;
}

struct slice canonical_end(struct canonical_writer *w)
{
	static const char begin[] = {'-', '-', '-', '\n'};
	struct canonical_sheets *s = &w->sheets;
	bool comments_fine = is_closed_well(w->comments), yaml_fine = is_closed_well(w->yaml.to);
	bool fine = comments_fine && yaml_fine && !w->yaml.failed;
	size_t size = 4 + s->comments_bytes + s->lines_bytes;
	char *joined = fine ? malloc(size + 1) : NULL;

	w->comments = w->yaml.to = NULL;
	w->c->arena.failed |= !joined;
	if (joined) {
		memcpy(joined, begin, sizeof(begin));
		memcpy(joined + 4, s->comments, s->comments_bytes);
		memcpy(joined + 4 + s->comments_bytes, s->lines, s->lines_bytes + 1);
	}
	free(s->comments);
	free(s->lines);
	return (struct slice){joined, joined ? size : 0};
}

const char *canonical_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = map ? yaml_find(map, key) : NULL;

	return n && n->kind == YAML_TEXT ? n->text.data : "";
}

const struct field *canonical_root_field(const struct kind *k, const char *name)
{
	for (uint32_t i = 0; k->at_root && i < k->schema->count; i++)
		if (!strcmp(k->schema->fields[i].name, name))
			return k->schema->fields[i].status == FIELD_HONOURED ? &k->schema->fields[i]
									     : NULL;
	return NULL;
}

/* What every object has, and has lines of its own or is left out. */
static bool is_common(const struct kind *k, struct slice key)
{
	static const char *const common[] = {"apiVersion", "kind", "metadata"};

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (slice_equal(key, slice_of(common[i])))
			return true;
	return slice_equal(key, SLICE("status")) && !canonical_root_field(k, "status");
}

struct yaml_node *canonical_own_fields(struct arena *arena, const struct kind *k,
				       const struct yaml_node *node)
{
	struct yaml_node *own = arena_take(arena, sizeof(*own)), **last;

	if (!own)
		return NULL;
	*own = (struct yaml_node){.kind = YAML_MAP, .at = node->at};
	last = &own->first;
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		if (is_common(k, n->key))
			continue;
		*last = arena_take(arena, sizeof(**last));
		if (!*last)
			return NULL;
		**last = *n;
		(*last)->next = NULL;
		last = &(*last)->next;
		own->count++;
	}
	return own;
}

void canonical_head_write(struct canonical_writer *w, const struct kind *k,
			  const struct yaml_node *metadata)
{
	const struct field *own = canonical_root_field(k, "metadata");
	FILE *to = w->yaml.to;

	fprintf(to, "apiVersion: %s%s%.*s\nkind: %s\n", k->group, k->group[0] ? "/" : "",
		(int)strcspn(k->versions, " "), k->versions, k->name);
	if (!metadata || metadata->kind != YAML_MAP)
		return;
	fputs("metadata:\n", to);
	canonical_write_fields(w, 2, &metadata_schema, metadata);
	if (own)
		canonical_write_fields(w, 2, own->object, metadata);
}

const char *canonical_slice_service(struct canonical *c, const struct yaml_node *metadata)
{
	const char *namespace_name = canonical_text(metadata, "namespace");
	const struct yaml_node *labels = yaml_find(metadata, "labels");

	return arena_format(&c->arena, "%s/%s", namespace_name[0] ? namespace_name : "default",
			    canonical_text(labels, "kubernetes.io/service-name"));
}
