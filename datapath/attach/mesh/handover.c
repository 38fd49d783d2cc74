// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Layouts are compared by a hash of their C declarations, stored as the name of a directory next to
 * the maps: reading a map's BTF from the kernel would need more privileges. */
#include "datapath/attach/mesh/handover.h"

#include "base/cleanup.h"
#include "base/table.h"
#include "datapath/attach/mesh/mesh_maps.h"
#include "datapath/attach/mesh/mesh_read.h"
#include "datapath/attach/mesh/redirect.h"
#include "weft.skel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Socket owners are recorded without a mesh, too. */
static const char *const OWNERS[] = {"weft_owners", NULL};
/* Layouts of the mesh that no map declares. */
#define CELLS "weft_mesh_"

/* ---- layouts */

static void hash_text(void *ctx, const char *format, va_list args)
{
	uint64_t *hash = ctx;
	char text[512];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n > 0)
		*hash = table_hash(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1,
				   *hash);
}

static void hash_type(struct btf_dump *dump, __u32 type)
{
	if (type)
		btf_dump__dump_type(dump, type);
}

static void hash_map(const struct bpf_map *map, struct btf_dump *dump, uint64_t *hash)
{
	const __u32 numbers[] = {bpf_map__type(map), bpf_map__key_size(map),
				 bpf_map__value_size(map), bpf_map__max_entries(map),
				 bpf_map__map_flags(map)};

	*hash = table_hash(bpf_map__name(map), strlen(bpf_map__name(map)), *hash);
	*hash = table_hash(numbers, sizeof(numbers), *hash);
	hash_type(dump, bpf_map__btf_key_type_id(map));
	hash_type(dump, bpf_map__btf_value_type_id(map));
}

static void hash_cells(const struct btf *btf, struct btf_dump *dump)
{
	for (__u32 i = 1; i < btf__type_cnt(btf); i++) {
		const struct btf_type *type = btf__type_by_id(btf, i);
		const char *name = btf__name_by_offset(btf, type->name_off);

		if (btf_is_struct(type) && !strncmp(name, CELLS, sizeof(CELLS) - 1))
			hash_type(dump, i);
	}
}

/* The hash over all |names|; 0: not known. */
static uint64_t layout_of(const struct bpf_object *object, const char *const *names)
{
	const struct btf *btf = bpf_object__btf(object);
	uint64_t hash = WEFT_ABI_VERSION;
	struct btf_dump *dump = btf ? btf_dump__new(btf, hash_text, &hash, NULL) : NULL;

	if (!dump)
		return 0;
	for (; *names; names++)
		hash_map(bpf_object__find_map_by_name(object, *names), dump, &hash);
	hash_cells(btf, dump);
	btf_dump__free(dump);
	return hash;
}

static void layout_path(const char *map_dir, const char *const *names, uint64_t layout, char *out,
			size_t size)
{
	snprintf(out, size, "%s/layout-%s-%016llx", map_dir, *names, (unsigned long long)layout);
}

/* ---- maps */

static void pin_path(const char *map_dir, const char *name, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", map_dir, name);
}

/* Whether the map is shared now, or exists in neither build. */
static bool map_share(const struct attach *a, const char *former, const char *name)
{
	cleanup_close int fd = -1;
	char path[448];

	pin_path(former, name, path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT;
	pin_path(a->pins.map_dir, name, path, sizeof(path));
	return !bpf_obj_pin(fd, path) || errno == EEXIST;
}

/* Shares all of them or none. */
static bool group_share(const struct attach *a, const char *former, const char *const *names)
{
	uint64_t layout = layout_of(a->skeleton->obj, names);
	bool shared = layout != 0;
	char path[448];

	layout_path(former, names, layout, path, sizeof(path));
	shared = shared && !access(path, F_OK);
	for (size_t i = 0; names[i] && shared; i++)
		shared = map_share(a, former, names[i]);
	for (; *names && !shared; names++) {
		pin_path(a->pins.map_dir, *names, path, sizeof(path));
		unlink(path);
	}
	return shared;
}

/* Not repeated if an earlier agent of this build began a handover and did not finish. */
static void share_from(void *arg, const char *former)
{
	struct attach *a = arg;
	bool shared = !a->pins.adopted;

	if (shared)
		group_share(a, former, OWNERS);
	if (!a->mesh)
		return;
	shared = shared && group_share(a, former, mesh_maps_names);
	for (const char *const *arena = mesh_maps_arenas; *arena && shared; arena++)
		map_share(a, former, *arena);
	a->waits |= !mesh_read_in_force(a->pins.map_dir) && mesh_read_in_force(former);
}

static void layout_note(const struct attach *a, const char *const *names, uint64_t layout)
{
	char path[448];

	layout_path(a->pins.map_dir, names, layout, path, sizeof(path));
	mkdir(path, 0700);
}

void handover_note_layouts(const struct attach *a)
{
	layout_note(a, OWNERS, a->layouts[0]);
	if (a->mesh)
		layout_note(a, mesh_maps_names, a->layouts[1]);
}

void handover_share(struct attach *a)
{
	a->waits = false;
	pins_visit_builds(a->pins.dir, a->pins.map_dir, share_from, a);
	a->layouts[0] = layout_of(a->skeleton->obj, OWNERS); /* loading changes the object */
	if (a->mesh)
		a->layouts[1] = layout_of(a->skeleton->obj, mesh_maps_names);
	handover_note_layouts(a);
}

/* ---- links */

/* Moves links that their owners find by pin name (datapath/attach/net/tc.c). */
static void interfaces_move(const struct attach *a, const char *former)
{
	cleanup_closedir DIR *d = NULL;
	char from[640], to[640];
	struct dirent *entry;

	snprintf(from, sizeof(from), "%s/links", former);
	d = opendir(from);
	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, "tc-", 3) != 0)
			continue;
		snprintf(from, sizeof(from), "%s/links/%s", former, entry->d_name);
		snprintf(to, sizeof(to), "%s/%s", a->pins.link_dir, entry->d_name);
		rename(from, to);
	}
}

static void begin_from(void *arg, const char *former)
{
	struct attach *a = arg;

	redirect_end(former, a->pins.dir);
	interfaces_move(a, former);
}

void handover_begin(struct attach *a)
{
	if (a->pins.map_dir[0])
		pins_visit_builds(a->pins.dir, a->pins.map_dir, begin_from, a);
}

struct taking {
	const struct attach *a;
	const char *name;
	struct bpf_program *program;
	struct bpf_link *link;
};

static void take_from(void *arg, const char *former)
{
	struct taking *t = arg;
	char from[640], to[640];

	if (t->link)
		return;
	snprintf(from, sizeof(from), "%s/links/%s", former, t->name);
	snprintf(to, sizeof(to), "%s/%s", t->a->pins.link_dir, t->name);
	t->link = access(from, F_OK) ? NULL : bpf_link__open(from);
	if (!t->link)
		return;
	if (!bpf_link__update_program(t->link, t->program) && !rename(from, to))
		return;
	bpf_link__destroy(t->link);
	t->link = NULL;
}

struct bpf_link *handover_link(struct attach *a, const char *name, struct bpf_program *program)
{
	struct taking t = {.a = a, .name = name, .program = program};

	if (a->pins.map_dir[0])
		pins_visit_builds(a->pins.dir, a->pins.map_dir, take_from, &t);
	return t.link;
}

void handover_end(struct attach *a)
{
	if (a->pins.map_dir[0])
		pins_remove_builds(a->pins.dir, a->pins.map_dir);
}
