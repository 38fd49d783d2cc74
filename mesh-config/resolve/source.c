// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files come and go; their drafts are kept in order by kind, so that building need not sort, and
 * what changed since the last build is remembered, so that the next one need not do it all. */
#include "mesh-config/resolve/source_state.h"
#include "mesh-config/schema/read.h"

#include <errno.h>
#include <stdlib.h>

#define POOL_LIMIT_BYTES (1u << 20) /* before a fresh pool is worth its while */

struct name_entry {
	const char *name;
	uint32_t index;
};

/* ---- files */

static void file_free(struct source_file *f)
{
	if (!f)
		return;
	arena_free(&f->arena);
	problem_sink_free(&f->problems);
	mesh_file_put(f->file);
	free(f);
}

static void files_free(struct source_file *f)
{
	while (f) {
		struct source_file *next = f->next;

		file_free(f);
		f = next;
	}
}

/* Reads |f->bytes| into drafts of |pool|. */
static int file_parse(struct source_file *f, struct pool *pool)
{
	struct arena nodes = {0};
	struct reading r = {&f->arena, pool, &f->problems};
	const struct yaml_node *documents;
	int err = -ENOMEM;

	f->problems.file = f->index;
	documents = yaml_read(f->bytes, &nodes, &f->problems);
	if (documents)
		err = drafts_read(&r, documents, f, &f->drafts);
	arena_free(&nodes);
	f->hash = 0;
	for (const struct draft *d = f->drafts; d; d = d->next)
		f->hash += d->hash;
	return err;
}

static struct source_file *file_new(const char *name, uint32_t index, struct slice bytes)
{
	struct source_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->file = mesh_file_new(name, bytes);
	if (!f->file) {
		free(f);
		return NULL;
	}
	f->bytes = f->file->bytes;
	f->name = name;
	f->index = index;
	return f;
}

static void drafts_remove(struct mesh_source *s, const struct source_file *f)
{
	bool had[KIND_COUNT] = {false};

	for (const struct draft *d = f->drafts; d; d = d->next)
		had[d->kind] = true;
	for (uint32_t kind = 0; kind < KIND_COUNT; kind++)
		if (had[kind])
			catalog_remove(&s->catalogs[kind], f->drafts, kind);
}

static bool drafts_add(struct mesh_source *s, const struct source_file *f)
{
	for (struct draft *d = f->drafts; d; d = d->next)
		if (!catalog_add(&s->catalogs[d->kind], d))
			return false;
	return true;
}

/* ---- since the last build */

void source_forget(struct mesh_source *s)
{
	built_free(s->built);
	s->built = NULL;
	files_free(s->gone);
	s->gone = NULL;
	s->changed_count = 0;
}

void source_settle(struct mesh_source *s, bool all)
{
	uint32_t count = all ? s->file_slots : s->changed_count;

	for (uint32_t i = 0; i < count; i++) {
		struct source_file *f = s->files[all ? i : s->changed[i]];

		if (f)
			f->built = true;
	}
	files_free(s->gone);
	s->gone = NULL;
	s->changed_count = 0;
	s->names_changed = false;
}

/* |old| (NULL: none) is not in its place any more. */
static void change_note(struct mesh_source *s, uint32_t index, struct source_file *old)
{
	uint32_t i = 0;

	while (i < s->changed_count && s->changed[i] != index)
		i++;
	if (s->built && i == CHANGED_MAX)
		source_forget(s);
	if (!s->built || !old || !old->built) {
		file_free(old);
	} else {
		old->next = s->gone;
		s->gone = old;
	}
	if (s->built && i == s->changed_count)
		s->changed[s->changed_count++] = index;
}

/* ---- the source */

struct mesh_source *mesh_source_new(void)
{
	struct mesh_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->names = pool_new();
	s->pool = pool_new();
	s->by_name = table_new(MESH_FILES_MAX, sizeof(struct name_entry), sizeof(char *), 0);
	if (s->names && s->pool && s->by_name)
		return s;
	mesh_source_free(s);
	return NULL;
}

void mesh_source_free(struct mesh_source *s)
{
	if (!s)
		return;
	source_forget(s);
	mesh_source_settle_gone(s);
	for (uint32_t i = 0; i < s->file_slots; i++)
		file_free(s->files[i]);
	for (uint32_t i = 0; i < KIND_COUNT; i++)
		free(s->catalogs[i].items);
	free(s->files);
	free(s->shown);
	pool_unref(s->pool);
	pool_unref(s->names);
	if (s->by_name)
		table_free(s->by_name);
	free(s);
}

static struct name_entry *name_find(const struct mesh_source *s, const char *name)
{
	const char *known = pool_find(s->names, slice_of(name));

	return known ? table_find(s->by_name, &known) : NULL;
}

static uint32_t slot_take(struct mesh_source *s)
{
	struct source_file **files;
	struct problem_file *shown;

	for (uint32_t i = s->file_count == s->file_slots ? s->file_slots : 0; i < s->file_slots;
	     i++)
		if (!s->files[i])
			return i;
	files = realloc(s->files, (s->file_slots + 1) * sizeof(*files));
	s->files = files ? files : s->files;
	shown = realloc(s->shown, (s->file_slots + 1) * sizeof(*shown));
	s->shown = shown ? shown : s->shown;
	if (!files || !shown)
		return MESH_NONE;
	s->files[s->file_slots] = NULL;
	s->shown[s->file_slots] = (struct problem_file){0};
	return s->file_slots++;
}

/* The entry of |name|, made if need be; NULL when memory or room is short. */
static struct name_entry *name_take(struct mesh_source *s, const char *name)
{
	struct name_entry *e = name_find(s, name);
	const char *kept;
	uint32_t slot;

	if (e || s->file_count == MESH_FILES_MAX)
		return e;
	kept = pool_text(s->names, slice_of(name));
	slot = kept ? slot_take(s) : MESH_NONE;
	if (slot == MESH_NONE)
		return NULL;
	e = table_insert(s->by_name, &kept);
	if (e)
		e->index = slot;
	return e;
}

static bool is_noted(const struct source_file *f)
{
	return f->problems.errors || f->problems.warnings;
}

static void file_replace(struct mesh_source *s, uint32_t index, struct source_file *f)
{
	struct source_file *old = s->files[index];

	if (old) {
		if (old->built) /* what was never in a mesh cannot leave it */
			gone_note(s, old, f);
		s->total_bytes -= old->bytes.size_bytes;
		s->hash -= old->hash;
		s->noted -= is_noted(old);
		s->file_count--;
		drafts_remove(s, old);
	}
	s->names_changed |= !old != !f;
	change_note(s, index, old);
	s->files[index] = f;
	s->shown[index] = f ? (struct problem_file){f->name, f->bytes} : (struct problem_file){0};
	if (f) {
		s->total_bytes += f->bytes.size_bytes;
		s->hash += f->hash;
		s->noted += is_noted(f);
		s->file_count++;
	}
}

/* Texts of files that are gone are given back by reading all files anew into a fresh pool, once
 * more than half of the pool must be such; meshes that use the old one keep it. */
static int pool_renew(struct mesh_source *s)
{
	struct pool *fresh, *old = s->pool;

	if (pool_bytes(old) < POOL_LIMIT_BYTES || pool_bytes(old) < 2 * s->total_bytes)
		return 0;
	fresh = pool_new();
	if (!fresh)
		return 0;
	source_forget(s);
	s->pool = fresh;
	for (uint32_t i = 0; i < KIND_COUNT; i++)
		s->catalogs[i].count = s->catalogs[i].sorted = 0;
	for (uint32_t i = 0; i < s->file_slots; i++) {
		struct source_file *f = s->files[i];

		if (!f)
			continue;
		arena_free(&f->arena);
		problem_sink_free(&f->problems);
		f->drafts = NULL;
		if (file_parse(f, fresh) || !drafts_add(s, f))
			return -ENOMEM;
	}
	pool_unref(old);
	return 0;
}

static int file_put(struct mesh_source *s, const struct name_entry *e, struct slice bytes)
{
	const struct source_file *old = s->files[e->index];
	size_t others = s->total_bytes - (old ? old->bytes.size_bytes : 0);
	struct source_file *f;

	if (old && slice_equal(old->bytes, bytes))
		return 0;
	if (others + bytes.size_bytes > MESH_TOTAL_MAX_BYTES)
		return -ENOSPC;
	if (bytes.size_bytes > MESH_FILE_MAX_BYTES)
		bytes.size_bytes = MESH_FILE_MAX_BYTES + 1; /* refused by its size */
	f = file_new(e->name, e->index, bytes);
	if (!f || file_parse(f, s->pool)) {
		file_free(f);
		return -ENOMEM;
	}
	file_replace(s, e->index, f);
	if (!drafts_add(s, f))
		return -ENOMEM;
	return pool_renew(s);
}

int mesh_source_put(struct mesh_source *s, const char *name, struct slice bytes)
{
	struct name_entry *e = name_take(s, name);
	int err;

	if (!e)
		return s->file_count == MESH_FILES_MAX ? -ENOSPC : -ENOMEM;
	err = file_put(s, e, bytes);
	if (err && !s->files[e->index])
		table_remove(s->by_name, e);
	return err;
}

int mesh_source_remove(struct mesh_source *s, const char *name)
{
	struct name_entry *e = name_find(s, name);

	if (!e || !s->files[e->index])
		return -ENOENT;
	file_replace(s, e->index, NULL);
	table_remove(s->by_name, e);
	return 0;
}

bool mesh_source_has(const struct mesh_source *s, const char *name)
{
	const struct name_entry *e = name_find(s, name);

	return e && s->files[e->index] && s->files[e->index]->drafts;
}

bool mesh_source_has_files(const struct mesh_source *s)
{
	return s->file_count > 0;
}

bool mesh_source_has_objects(const struct mesh_source *s)
{
	for (uint32_t i = 0; i < s->file_slots; i++)
		if (s->files[i] && s->files[i]->drafts)
			return true;
	return false;
}

struct mesh_files *mesh_source_files(const struct mesh_source *s)
{
	struct mesh_files *all = mesh_files_new(s->file_slots);

	for (uint32_t i = 0; all && i < s->file_slots; i++)
		if (s->files[i])
			mesh_files_set(all, i, s->files[i]->file);
	return all;
}
