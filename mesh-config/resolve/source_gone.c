// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Objects that are not there any more: noted when their file changes, looked for once more when
 * they are asked for, as they may have moved to another file. */
#include "mesh-config/resolve/source_state.h"

#include <stdio.h>
#include <stdlib.h>

#define NOTED_MAX 4096

struct gone_object {
	char *title; /* owned; the other two are behind it */
	const char *namespace_name, *sort_name;
	uint64_t hash; /* of the title */
	uint8_t kind;
};

struct gone_list {
	uint32_t count, capacity;
	uint32_t unnoted; /* beyond NOTED_MAX, or when memory was short */
	struct gone_object *items;
};

bool mesh_text_is_blank(struct slice text)
{
	const char *at = text.data, *end = at + text.size_bytes;

	if (text.size_bytes >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
		at += 3;
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t left;

		line_end = line_end ? line_end : end;
		while (at < line_end && strchr(" \t\r", *at) && *at)
			at++;
		left = (size_t)(line_end - at);
		if (left && *at != '#' &&
		    !(left >= 3 && (!memcmp(at, "---", 3) || !memcmp(at, "...", 3)) &&
		      strspn(at + 3, " \t\r") >= left - 3))
			return false;
		at = line_end + (line_end < end);
	}
	return true;
}

/* ---- noting */

static int by_hash(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static uint64_t title_hash(const char *title)
{
	return table_hash(title, strlen(title), 0);
}

/* Sorted hashes of the titles of a file; NULL when memory is short. */
static uint64_t *titles_of(const struct source_file *f, uint32_t *ret_count)
{
	uint64_t *hashes;
	uint32_t count = 0;

	for (const struct draft *d = f ? f->drafts : NULL; d; d = d->next)
		count++;
	hashes = malloc((count + 1) * sizeof(*hashes));
	*ret_count = 0;
	for (const struct draft *d = f && hashes ? f->drafts : NULL; d; d = d->next)
		hashes[(*ret_count)++] = title_hash(d->title);
	if (*ret_count)
		qsort(hashes, *ret_count, sizeof(*hashes), by_hash);
	return hashes;
}

static bool room_make(struct gone_list *g)
{
	uint32_t capacity = g->capacity ? g->capacity * 2 : 16;
	struct gone_object *grown;

	if (g->count < g->capacity)
		return true;
	grown = g->count < NOTED_MAX ? realloc(g->items, capacity * sizeof(*grown)) : NULL;
	if (!grown)
		return false;
	g->items = grown;
	g->capacity = capacity;
	return true;
}

static void object_note(struct gone_list *g, const struct draft *d, uint64_t hash)
{
	size_t n = strlen(d->title) + 1, m = strlen(d->namespace_name) + 1;
	size_t size = n + m + strlen(d->sort_name) + 1;
	char *texts;

	for (uint32_t i = 0; i < g->count; i++)
		if (g->items[i].hash == hash)
			return; /* came back since it was noted, and went again */
	texts = room_make(g) ? malloc(size) : NULL;
	if (!texts) {
		g->unnoted++;
		return;
	}
	snprintf(texts, n, "%s", d->title);
	snprintf(texts + n, m, "%s", d->namespace_name);
	snprintf(texts + n + m, size - n - m, "%s", d->sort_name);
	g->items[g->count++] = (struct gone_object){texts, texts + n, texts + n + m, hash, d->kind};
}

void gone_note(struct mesh_source *s, const struct source_file *old, const struct source_file *new)
{
	uint32_t count;
	uint64_t *hashes;

	if (!old->drafts)
		return;
	s->lost = s->lost ? s->lost : calloc(1, sizeof(*s->lost));
	hashes = s->lost ? titles_of(new, &count) : NULL;
	if (!hashes)
		return;
	for (const struct draft *d = old->drafts; d; d = d->next) {
		uint64_t hash = title_hash(d->title);

		if (!count || !bsearch(&hash, hashes, count, sizeof(*hashes), by_hash))
			object_note(s->lost, d, hash);
	}
	free(hashes);
}

/* ---- asking */

/* The catalogs are in order since the last build. */
static bool is_there(const struct mesh_source *s, const struct gone_object *o)
{
	const struct catalog *c = &s->catalogs[o->kind];

	for (uint32_t i = catalog_find(c, o->namespace_name, o->sort_name); i < c->count; i++) {
		const struct draft *d = c->items[i];

		if (strcmp(d->namespace_name, o->namespace_name) != 0 ||
		    strcmp(d->sort_name, o->sort_name) != 0)
			return false;
		if (!strcmp(d->title, o->title))
			return true;
	}
	return false;
}

void mesh_source_follow(struct mesh_source *s, const struct mesh_source *before)
{
	s->lost = s->lost ? s->lost : calloc(1, sizeof(*s->lost));
	for (uint32_t i = 0; i < before->file_slots && s->lost; i++) {
		const struct draft *d = before->files[i] ? before->files[i]->drafts : NULL;

		for (; d; d = d->next) {
			struct gone_object o = {(char *)d->title, d->namespace_name, d->sort_name,
						title_hash(d->title), d->kind};

			if (!is_there(s, &o))
				object_note(s->lost, d, o.hash);
		}
	}
}

uint32_t mesh_source_gone(struct mesh_source *s, void (*visit)(void *arg, const char *title),
			  void *arg)
{
	uint32_t count = 0;

	for (uint32_t i = 0; s->lost && i < s->lost->count; i++) {
		if (is_there(s, &s->lost->items[i]))
			continue;
		if (count++ < MESH_GONE_MAX)
			visit(arg, s->lost->items[i].title);
	}
	return count + (s->lost ? s->lost->unnoted : 0);
}

void mesh_source_settle_gone(struct mesh_source *s)
{
	for (uint32_t i = 0; s->lost && i < s->lost->count; i++)
		free(s->lost->items[i].title);
	if (s->lost)
		free(s->lost->items);
	free(s->lost);
	s->lost = NULL;
}
