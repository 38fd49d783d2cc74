// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Each matcher is found by its first condition; those with the same one are chained by rank, which
 * is their order in the model. */
#include "mesh-config/compile/matchers.h"

#include "base/cleanup.h"
#include "base/table.h"
#include "mesh-config/model/programs.h"

#include <errno.h>
#include <string.h>

int matchers_init(struct matchers *t, struct cells *c, uint32_t seed)
{
	*t = (struct matchers){.cells = c};
	return cells_table_init(&t->table, c, CELLS_TABLE_MATCHER, seed, 0);
}

bool matchers_supported(const struct mesh_matcher *matcher)
{
	return !strchr(program_name(matcher->executable), '*');
}

bool matchers_ask_programs(const struct mesh *m)
{
	for (uint32_t i = 0; i < m->matcher_count; i++)
		if (m->matchers[i].executable[0])
			return true;
	return false;
}

static uint32_t lacks(const struct weft_mesh_matcher *all, uint32_t count)
{
	uint32_t flags = 0;

	for (unsigned kind = WEFT_MATCH_CGROUP; kind <= WEFT_MATCH_UID; kind++)
		flags |= WEFT_MESH_LACKS(kind);
	for (uint32_t i = 0; i < count; i++)
		flags &= ~WEFT_MESH_LACKS(all[i].kind);
	return flags;
}

/* The kind that it is matched by. */
static unsigned fill_executable(const struct mesh_matcher *s, struct weft_mesh_matcher *ret)
{
	struct weft_program program;

	if (!s->executable[0])
		return 0;
	if (s->executable_owner != MESH_NONE) {
		ret->owner = s->executable_owner;
		ret->wants |= (uint8_t)(1u << WEFT_MATCH_OWNER);
	}
	program_of(s->executable, &program);
	ret->exe = program.path ? program.path : program.name;
	ret->path_more = program.path_more;
	return program.path ? WEFT_MATCH_PATH : WEFT_MATCH_EXE;
}

static bool names_cgroup(const struct mesh_matcher *s)
{
	return s->systemd_unit[0] || s->cgroup[0] || s->container[0];
}

/* All conditions, in |wants|; false if one of them cannot hold now. */
static bool fill(const struct mesh_matcher *s, const struct matcher_names *names,
		 struct weft_mesh_matcher *ret)
{
	unsigned executable;

	if (mesh_matcher_is_address(s) || !matchers_supported(s) ||
	    (names_cgroup(s) && !(names && names->cgroup_id)) ||
	    (s->netns[0] && !(names && names->netns_ino)))
		return false;
	executable = fill_executable(s, ret);
	ret->wants |=
		(uint8_t)(names_cgroup(s) << WEFT_MATCH_CGROUP |
			  (s->netns[0] != 0) << WEFT_MATCH_NETNS | (executable != 0) << executable |
			  (s->uid != MESH_NONE) << WEFT_MATCH_UID |
			  s->has_prefix << WEFT_MATCH_ADDRESS);
	ret->netns_ino = s->netns[0] ? names->netns_ino : 0;
	ret->uid = s->uid != MESH_NONE ? s->uid : 0;
	if (s->has_prefix) {
		memcpy(ret->prefix, s->prefix.address, sizeof(ret->prefix));
		ret->prefix_bits = s->prefix.bits;
	}
	return ret->wants;
}

/* The lowest kind of those it wants becomes the key. */
static void choose_key(struct weft_mesh_matcher *cell, uint64_t cgroup_id)
{
	uint64_t values[] = {[WEFT_MATCH_CGROUP] = cgroup_id,
			     [WEFT_MATCH_NETNS] = cell->netns_ino,
			     [WEFT_MATCH_EXE] = cell->exe,
			     [WEFT_MATCH_PATH] = cell->exe,
			     [WEFT_MATCH_UID] = cell->uid};

	cell->kind = (uint8_t)__builtin_ctz(cell->wants);
	cell->value = values[cell->kind];
	if (cell->kind != WEFT_MATCH_PATH) /* its value is not all of it */
		cell->wants &= (uint8_t)~(1u << cell->kind);
}

static int compare_entries(const void *left, const void *right)
{
	const struct weft_mesh_matcher *a = left, *b = right;

	if (a->kind != b->kind)
		return a->kind - b->kind;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static uint32_t collect(const struct mesh *m, const struct workload_ids *ids,
			const struct matcher_names *names, uint32_t name_count,
			struct weft_mesh_matcher *ret)
{
	const struct matcher_names *named;
	uint32_t count = 0, number;

	for (uint32_t i = 0; i < m->matcher_count; i++) {
		while (name_count && names->matcher < i) {
			names++;
			name_count--;
		}
		named = name_count && names->matcher == i ? names : NULL;
		ret[count] = (struct weft_mesh_matcher){.rank = i};
		if (!fill(&m->matchers[i], named, &ret[count]))
			continue;
		number = workload_ids_number(ids, m->matchers[i].workload);
		ret[count].identity = workload_ids_cell(ids, number);
		choose_key(&ret[count++], named ? named->cgroup_id : 0);
	}
	qsort(ret, count, sizeof(*ret), compare_entries);
	return count;
}

/* Links |count| sorted matchers; the first of a chain goes to the table, the rest to the cells at
 * |first|. Cuts chains that are too long. */
static int write_chain(struct matchers *t, struct weft_mesh_matcher *chain, uint32_t count,
		       uint32_t first)
{
	uint32_t kept = count < WEFT_MESH_MATCHERS ? count : WEFT_MESH_MATCHERS;

	t->skipped += count - kept;
	for (uint32_t i = 0; i < kept; i++)
		chain[i].next = i + 1 < kept ? first + i : 0;
	if (kept > 1)
		cells_put_all(t->cells, first, chain + 1, kept - 1);
	return cells_table_put(&t->table, chain);
}

static int write_all(struct matchers *t, struct weft_mesh_matcher *all, uint32_t count)
{
	uint32_t end;
	int r = 0;

	t->first = cells_realloc(t->cells, t->first, t->count, count);
	t->count = count;
	if (count && !t->first)
		return cells_error(t->cells);
	for (uint32_t i = 0; !r && i < count; i = end) {
		for (end = i + 1;
		     end < count && all[i].kind == all[end].kind && all[i].value == all[end].value;)
			end++;
		r = write_chain(t, all + i, end - i, t->first + i);
	}
	return r;
}

int matchers_write(struct matchers *t, const struct mesh *m, const struct workload_ids *ids,
		   const struct matcher_names *names, uint32_t name_count)
{
	cleanup_free struct weft_mesh_matcher *all = calloc(m->matcher_count + 1, sizeof(*all));
	uint32_t count;
	uint64_t hash;
	int r;

	if (!all)
		return -ENOMEM;
	count = collect(m, ids, names, name_count, all);
	hash = table_hash(all, count * sizeof(*all), 1);
	if (hash == t->hash)
		return 0;
	t->hash = hash;
	t->skipped = 0;
	t->lacks = lacks(all, count);
	cells_table_clear(&t->table);
	r = write_all(t, all, count);
	return r ? r : cells_error(t->cells);
}
