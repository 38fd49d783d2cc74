// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nodes of a slice are made from those of a subset, and written as if they had been read. */
#include "mesh-config/tools/canonical_slices.h"

#include <errno.h>
#include <stdlib.h>

#define SERVICE_LABEL "kubernetes.io/service-name"

/* ---- nodes */

/* A node at the end of |in|; one that is thrown away when memory is short. */
static struct yaml_node *node_add(struct arena *a, struct yaml_node *in, const char *key,
				  enum yaml_kind kind)
{
	struct yaml_node *n = arena_take(a, sizeof(*n)), **last = &in->first;
	static struct yaml_node lost;

	if (!n) {
		lost = (struct yaml_node){0};
		return &lost;
	}
	while (*last)
		last = &(*last)->next;
	*last = n;
	in->count++;
	n->kind = (uint8_t)kind;
	if (key)
		n->key = slice_of(key);
	return n;
}

static void text_add(struct arena *a, struct yaml_node *in, const char *key, const char *text)
{
	struct yaml_node *n = node_add(a, in, key, YAML_TEXT);

	n->text = slice_of(text);
}

static void plain_add(struct arena *a, struct yaml_node *in, const char *key, const char *text)
{
	struct yaml_node *n = node_add(a, in, key, YAML_TEXT);

	n->text = slice_of(text);
	n->plain = true;
}

static void copy_add(struct arena *a, struct yaml_node *in, const struct yaml_node *from)
{
	struct yaml_node *n, *next;

	if (!from)
		return;
	n = node_add(a, in, NULL, YAML_NULL);
	next = n->next;
	*n = *from;
	n->next = next;
}

/* ---- a slice */

/* What all slices of one Endpoints object are made with. */
struct making {
	struct canonical_writer *w;
	struct arena arena;
	const struct yaml_node *metadata; /* of the Endpoints */
	const char *name;
	uint32_t made;
	struct yaml_node *last; /* endpoint: lists of thousands are not walked for each */
};

static struct yaml_node *metadata_make(struct making *m)
{
	const struct yaml_node *labels = yaml_find(m->metadata, "labels");
	struct yaml_node *made = arena_take(&m->arena, sizeof(*made)), *all;

	if (!made)
		return NULL;
	made->kind = YAML_MAP;
	text_add(&m->arena, made, "name", arena_format(&m->arena, "%s-%u", m->name, m->made));
	copy_add(&m->arena, made, yaml_find(m->metadata, "namespace"));
	all = node_add(&m->arena, made, "labels", YAML_MAP);
	for (const struct yaml_node *n = labels ? labels->first : NULL; n; n = n->next)
		if (!slice_equal(n->key, SLICE(SERVICE_LABEL)))
			copy_add(&m->arena, all, n);
	text_add(&m->arena, all, SERVICE_LABEL, m->name);
	return made;
}

static void endpoint_make(struct making *m, struct yaml_node *endpoints,
			  const struct yaml_node *address, bool ready)
{
	struct yaml_node list = {.kind = YAML_LIST};
	struct yaml_node *e = node_add(&m->arena, &list, NULL, YAML_MAP);
	struct yaml_node *conditions;

	text_add(&m->arena, node_add(&m->arena, e, "addresses", YAML_LIST), NULL,
		 canonical_text(address, "ip"));
	conditions = node_add(&m->arena, e, "conditions", YAML_MAP);
	plain_add(&m->arena, conditions, "ready", ready ? "true" : "false");
	copy_add(&m->arena, e, yaml_find(address, "targetRef"));
	copy_add(&m->arena, e, yaml_find(address, "nodeName"));
	*(m->last ? &m->last->next : &endpoints->first) = e;
	m->last = e;
	endpoints->count++;
}

static void endpoints_make(struct making *m, struct yaml_node *endpoints,
			   const struct yaml_node *addresses, bool ready, bool v6)
{
	if (!addresses || addresses->kind != YAML_LIST)
		return;
	for (const struct yaml_node *n = addresses->first; n; n = n->next)
		if (!!strchr(canonical_text(n, "ip"), ':') == v6)
			endpoint_make(m, endpoints, n, ready);
}

static void slice_finish(struct making *m, const struct yaml_node *metadata,
			 const struct yaml_node *slice)
{
	struct canonical_writer *w = m->w;
	struct canonical *c = w->c;
	struct canonical_object *o;

	canonical_head_write(w, &kinds[KIND_ENDPOINT_SLICE], metadata);
	canonical_write_fields(w, 0, &slice_schema, slice);
	o = canonical_object_add(c);
	if (!o)
		return;
	o->kind = KIND_ENDPOINT_SLICE;
	o->namespace_name = arena_format(&c->arena, "%s", canonical_text(m->metadata, "namespace"));
	o->name = arena_format(&c->arena, "%s", canonical_text(metadata, "name"));
	o->service = canonical_slice_service(c, metadata);
	o->made = true;
	o->file = w->file;
	o->source = w->object;
	o->at = m->metadata->at;
	o->text = canonical_end(w);
}

/* |subset| may be NULL: there is none. A family of which it has no addresses is left out. */
static void slice_make(struct making *m, const struct yaml_node *subset, bool v6)
{
	struct yaml_node *metadata = metadata_make(m);
	struct yaml_node slice = {.kind = YAML_MAP}, *endpoints;

	plain_add(&m->arena, &slice, "addressType", v6 ? "IPv6" : "IPv4");
	endpoints = node_add(&m->arena, &slice, "endpoints", YAML_LIST);
	m->last = NULL;
	if (subset) {
		endpoints_make(m, endpoints, yaml_find(subset, "addresses"), true, v6);
		endpoints_make(m, endpoints, yaml_find(subset, "notReadyAddresses"), false, v6);
		copy_add(&m->arena, &slice, yaml_find(subset, "ports"));
	}
	if (!metadata || (subset && !endpoints->count))
		return;
	m->made++;
	if (m->w->comments || canonical_begin(m->w))
		slice_finish(m, metadata, &slice);
}

/* What the slices do not say of it is told by writing it as it is, to nowhere. */
static void losses_tell(struct making *m, const struct yaml_node *endpoints)
{
	struct yaml_node *own = canonical_own_fields(&m->arena, &kinds[KIND_ENDPOINTS], endpoints);
	FILE *to = m->w->yaml.to;

	m->w->yaml.to = fopen("/dev/null", "we");
	if (own && m->w->yaml.to)
		canonical_write_fields(m->w, 0, &endpoints_schema, own);
	if (m->w->yaml.to)
		fclose(m->w->yaml.to);
	m->w->yaml.to = to;
}

void canonical_slices_add(struct canonical_writer *w, const struct yaml_node *endpoints,
			  const struct yaml_node *metadata)
{
	const struct yaml_node *subsets = yaml_find(endpoints, "subsets");
	struct making m = {.w = w, .metadata = metadata, .name = canonical_text(metadata, "name")};

	if (!metadata || !canonical_begin(w))
		return;
	w->c->stripped++;
	losses_tell(&m, endpoints);
	for (const struct yaml_node *n = subsets ? subsets->first : NULL; n; n = n->next) {
		slice_make(&m, n, false);
		slice_make(&m, n, true);
	}
	if (!m.made)
		slice_make(&m, NULL, false);
	w->c->arena.failed |= m.arena.failed;
	arena_free(&m.arena);
}

/* ---- made ones and others */

static int by_text(const void *left, const void *right)
{
	const char *a = *(const char *const *)left, *b = *(const char *const *)right;

	return a && b ? strcmp(a, b) : !!a - !!b;
}

static void leave_out(struct canonical *c, struct canonical_object *o)
{
	struct canonical_writer w = {.c = c, .file = o->file, .object = o->source};

	if (!canonical_begin(&w))
		return;
	canonical_lose(&w, o->at, (struct slice){0}, "its EndpointSlices are there too", false);
	free((char *)o->text.data);
	o->text = canonical_end(&w);
	o->kind = KIND_COUNT;
	o->made = false;
}

int canonical_slices_choose(struct canonical *c)
{
	const char **others = calloc(c->count + 1u, sizeof(*others));
	uint32_t count = 0;

	if (!others)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->items[i].service && !c->items[i].made)
			others[count++] = c->items[i].service;
	if (count)
		qsort(others, count, sizeof(*others), by_text);
	for (uint32_t i = 0; i < c->count; i++)
		if (count && c->items[i].made &&
		    bsearch(&c->items[i].service, others, count, sizeof(*others), by_text))
			leave_out(c, &c->items[i]);
	free(others);
	return 0;
}
