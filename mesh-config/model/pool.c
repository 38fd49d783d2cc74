// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One open-addressing hash of pointers for each of the three sorts; the objects lie in an arena.
 * Pools are small and private to trusted files: XXH3 without a seed is enough. */
#include "mesh-config/model/pool.h"

#include "base/arena.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

struct text_entry {
	uint64_t hash;
	const char *text;
	size_t size_bytes;
};

struct object_entry {
	uint64_t hash;
	const void *object;
};

struct pool {
	struct arena arena;
	uint32_t references;
	size_t bytes;
	struct text_entry *texts;
	uint32_t text_count, text_slots;
	struct object_entry *objects; /* label sets and localities */
	uint32_t object_count, object_slots;
};

const char pool_empty[1] = "";
static const struct mesh_labels no_labels;
const struct mesh_labels *const pool_labels_none = &no_labels;

#define SLOTS_AT_FIRST 256u

struct pool *pool_new(void)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->references = 1;
	p->text_slots = p->object_slots = SLOTS_AT_FIRST;
	p->texts = calloc(p->text_slots, sizeof(*p->texts));
	p->objects = calloc(p->object_slots, sizeof(*p->objects));
	if (p->texts && p->objects)
		return p;
	pool_unref(p);
	return NULL;
}

struct pool *pool_ref(struct pool *p)
{
	__atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
	return p;
}

void pool_unref(struct pool *p)
{
	if (!p || __atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL))
		return;
	arena_free(&p->arena);
	free(p->texts);
	free(p->objects);
	free(p);
}

size_t pool_bytes(const struct pool *p)
{
	return p->bytes;
}

static struct text_entry *text_slot(struct text_entry *slots, uint32_t count, uint64_t hash,
				    struct slice text)
{
	uint32_t at = (uint32_t)hash & (count - 1);

	while (slots[at].text &&
	       (slots[at].hash != hash || slots[at].size_bytes != text.size_bytes ||
		memcmp(slots[at].text, text.data, text.size_bytes) != 0))
		at = (at + 1) & (count - 1);
	return &slots[at];
}

static bool texts_grow(struct pool *p)
{
	uint32_t slots = p->text_slots * 2;
	struct text_entry *grown = calloc(slots, sizeof(*grown));

	if (!grown)
		return false;
	for (uint32_t i = 0; i < p->text_slots; i++) {
		const struct text_entry *e = &p->texts[i];

		if (e->text)
			*text_slot(grown, slots, e->hash, (struct slice){e->text, e->size_bytes}) =
				*e;
	}
	free(p->texts);
	p->texts = grown;
	p->text_slots = slots;
	return true;
}

const char *pool_find(const struct pool *p, struct slice text)
{
	if (!text.size_bytes)
		return pool_empty;
	return text_slot(p->texts, p->text_slots, table_hash(text.data, text.size_bytes, 0), text)
		->text;
}

const char *pool_text(struct pool *p, struct slice text)
{
	uint64_t hash;
	struct text_entry *e;

	if (!text.size_bytes)
		return pool_empty;
	if (p->text_count * 2 >= p->text_slots && !texts_grow(p))
		return NULL;
	hash = table_hash(text.data, text.size_bytes, 0);
	e = text_slot(p->texts, p->text_slots, hash, text);
	if (e->text)
		return e->text;
	e->text = arena_copy(&p->arena, text.data, text.size_bytes);
	if (!e->text)
		return NULL;
	e->hash = hash;
	e->size_bytes = text.size_bytes;
	p->bytes += text.size_bytes + 1;
	p->text_count++;
	return e->text;
}

static bool objects_grow(struct pool *p)
{
	uint32_t slots = p->object_slots * 2;
	struct object_entry *grown = calloc(slots, sizeof(*grown));

	if (!grown)
		return false;
	for (uint32_t i = 0; i < p->object_slots; i++) {
		uint32_t at = (uint32_t)p->objects[i].hash & (slots - 1);

		while (p->objects[i].object && grown[at].object)
			at = (at + 1) & (slots - 1);
		if (p->objects[i].object)
			grown[at] = p->objects[i];
	}
	free(p->objects);
	p->objects = grown;
	p->object_slots = slots;
	return true;
}

/* The one copy of an object of |size_bytes|, whose first word tells label sets and localities
 * apart: a count is never a pointer. */
static const void *pool_object(struct pool *p, const void *object, size_t size_bytes)
{
	uint64_t hash = table_hash(object, size_bytes, size_bytes);
	uint32_t at;

	if (p->object_count * 2 >= p->object_slots && !objects_grow(p))
		return NULL;
	at = (uint32_t)hash & (p->object_slots - 1);
	while (p->objects[at].object && (p->objects[at].hash != hash ||
					 memcmp(p->objects[at].object, object, size_bytes) != 0))
		at = (at + 1) & (p->object_slots - 1);
	if (!p->objects[at].object) {
		void *copy = arena_copy(&p->arena, object, size_bytes);

		if (!copy)
			return NULL;
		p->objects[at] = (struct object_entry){hash, copy};
		p->object_count++;
		p->bytes += size_bytes;
	}
	return p->objects[at].object;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct mesh_label *)a)->key, ((const struct mesh_label *)b)->key);
}

const struct mesh_labels *pool_labels(struct pool *p, struct mesh_label *labels, uint32_t count)
{
	size_t size_bytes = sizeof(struct mesh_labels) + count * sizeof(*labels);
	struct mesh_labels *set;
	const struct mesh_labels *kept;

	if (!count)
		return pool_labels_none;
	qsort(labels, count, sizeof(*labels), by_key);
	set = calloc(1, size_bytes);
	if (!set)
		return NULL;
	set->count = count;
	memcpy(set->items, labels, count * sizeof(*labels));
	kept = pool_object(p, set, size_bytes);
	free(set);
	return kept;
}

const struct mesh_locality *pool_locality(struct pool *p, struct slice text)
{
	const char *parts[3] = {pool_empty, pool_empty, pool_empty};
	struct mesh_locality locality;

	for (int i = 0; i < 3 && text.size_bytes; i++) {
		const char *slash = i < 2 ? memchr(text.data, '/', text.size_bytes) : NULL;
		size_t n = slash ? (size_t)(slash - text.data) : text.size_bytes;

		parts[i] = pool_text(p, (struct slice){text.data, n});
		if (!parts[i])
			return NULL;
		n += slash != NULL;
		text = (struct slice){text.data + n, text.size_bytes - n};
	}
	locality = (struct mesh_locality){parts[0], parts[1], parts[2]};
	return pool_object(p, &locality, sizeof(locality));
}
