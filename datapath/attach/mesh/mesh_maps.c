// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two arenas alternate: one is in force, the other is free for the next generation. They are
 * pinned, so that the next agent can read the generation in force. */
#include "datapath/attach/mesh/mesh_maps.h"

#include "base/cleanup.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/core/repin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define ARENAS	  2
#define MAX_CELLS (64u << 20) /* 4 GiB */
#define NO_ARENA  (-1)

const char *const mesh_maps_names[] = {"weft_mesh",
				       "weft_endpoints",
				       "weft_services",
				       "weft_picks",
				       "weft_sticky",
				       "weft_asked",
				       "weft_knocks",
				       "weft_near",
				       "weft_refused",
				       "weft_here",
				       "weft_talk_out",
				       "weft_talk_in",
				       "weft_talk_denied",
				       "weft_senders",
				       "weft_sending",
				       "weft_where",
				       "weft_nets",
				       "weft_holders",
				       "weft_holding",
				       "weft_walker",
				       "weft_binders",
				       "weft_stir",
				       NULL};
const char *const mesh_maps_arenas[] = {"weft_arena0", "weft_arena1", NULL};
_Static_assert(sizeof(mesh_maps_arenas) / sizeof(mesh_maps_arenas[0]) == ARENAS + 1, "arenas");

struct mesh_maps {
	struct mesh_arena arenas[ARENAS];      /* fd -1: none */
	const struct weft_mesh_header *header; /* header of the live arena, mapped */
	int live;			       /* index, NO_ARENA: nothing is in force */
	int slot_fd;
	int simulate_fd, explain_fd; /* programs for BPF_PROG_TEST_RUN; -1: none */
	int endpoints_fd, services_fd;
	char pin_dir[384]; /* of the arenas; empty: not pinned */
};

/* ---- for lifecycle.c */

static void unpin(const char *pin_dir, const char *const *names)
{
	char path[448];

	for (; *names && pin_dir[0]; names++) {
		snprintf(path, sizeof(path), "%s/%s", pin_dir, *names);
		unlink(path);
	}
}

void mesh_maps_leave_out(struct bpf_object *object, const char *pin_dir)
{
	unpin(pin_dir, mesh_maps_names);
	unpin(pin_dir, mesh_maps_arenas);
	for (const char *const *name = mesh_maps_names; *name; name++)
		bpf_map__set_autocreate(bpf_object__find_map_by_name(object, *name), false);
}

/* ---- arenas */

static void arena_release(struct mesh_arena *a)
{
	cleanup_close_fd(&a->fd);
	*a = (struct mesh_arena){.fd = -1};
}

/* Takes ownership of |fd|. */
static int arena_open(int fd, struct mesh_arena *ret)
{
	struct mesh_arena a = {.fd = fd};
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_map_get_info_by_fd(fd, &info, &size)) {
		int r = -errno;

		close(fd);
		return r;
	}
	a.count = info.max_entries;
	a.id = info.id;
	*ret = a;
	return 0;
}

static void arena_pin_path(const struct mesh_maps *m, int i, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", m->pin_dir, mesh_maps_arenas[i]);
}

/* The next agent does not find an unpinned arena; it then creates both again. */
static void arena_pin(const struct mesh_maps *m, int i)
{
	char path[448];

	if (!m->pin_dir[0])
		return;
	arena_pin_path(m, i, path, sizeof(path));
	unlink(path);
	bpf_obj_pin(m->arenas[i].fd, path);
}

static int arena_make(struct mesh_maps *m, int i, uint32_t cells)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "weft_arena", sizeof(__u32),
				WEFT_MESH_CELL_BYTES, cells, &opts);
	int r;

	if (fd < 0)
		return fd;
	arena_release(&m->arenas[i]);
	r = arena_open(fd, &m->arenas[i]);
	if (!r)
		arena_pin(m, i);
	return r;
}

static int spare(const struct mesh_maps *m)
{
	return m->live == 0 ? 1 : 0;
}

/* Larger than requested, so that a growing mesh does not need a new arena each time. */
int mesh_maps_arena_get(struct mesh_maps *m, uint32_t cells, struct mesh_arena *ret_arena,
			struct error *err)
{
	struct mesh_arena *a = &m->arenas[spare(m)];
	int r = 0;

	if (cells > MAX_CELLS)
		return error_set(err, -E2BIG, "the mesh needs %u cells, at most %u are possible",
				 cells, MAX_CELLS);
	if (a->fd < 0 || a->count < cells)
		r = arena_make(m, spare(m), cells + cells / 8 + 64);
	if (r)
		return error_set(err, r, "no memory for %u cells of the mesh: %s", cells,
				 strerror(-r));
	*ret_arena = *a;
	return 0;
}

static void live_set(struct mesh_maps *m, int live)
{
	mesh_arena_unmap(m->header, 1);
	m->header = live == NO_ARENA ? NULL : mesh_arena_map(m->arenas[live].fd, 1);
	m->live = live;
}

int mesh_maps_flip(struct mesh_maps *m, struct error *err)
{
	__u32 zero = 0;

	/* the kernel waits for readers of the replaced map */
	if (bpf_map_update_elem(m->slot_fd, &zero, &m->arenas[spare(m)].fd, BPF_ANY))
		return error_set(err, -errno, "cannot put the mesh in force: %s", strerror(errno));
	live_set(m, spare(m));
	return 0;
}

int mesh_maps_clear(struct mesh_maps *m)
{
	__u32 zero = 0;

	if (bpf_map_delete_elem(m->slot_fd, &zero) && errno != ENOENT)
		return -errno;
	live_set(m, NO_ARENA);
	return 0;
}

const struct weft_mesh_header *mesh_maps_live(const struct mesh_maps *m)
{
	return m->header;
}

struct mesh_lent mesh_maps_lend(const struct mesh_maps *m)
{
	const struct mesh_arena *live = m->live == NO_ARENA ? NULL : &m->arenas[m->live];

	return (struct mesh_lent){.endpoints_fd = m->endpoints_fd,
				  .services_fd = m->services_fd,
				  .live_fd = live ? live->fd : -1,
				  .live_cells = live ? live->count : 0};
}

/* ---- life */

/* Adopts what an earlier agent left: both arenas by their pins, the live one by the slot's
 * content. */
static void adopt(struct mesh_maps *m)
{
	__u32 zero = 0, id = 0;
	char path[448];

	if (!m->pin_dir[0])
		return;
	if (bpf_map_lookup_elem(m->slot_fd, &zero, &id))
		id = 0;
	for (int i = 0; i < ARENAS; i++) {
		int fd = -1;

		arena_pin_path(m, i, path, sizeof(path));
		fd = bpf_obj_get(path);
		if (fd >= 0 && !arena_open(fd, &m->arenas[i]) && m->arenas[i].id == id)
			live_set(m, i);
	}
}

static int program_fd(struct attach *a, enum program p)
{
	struct bpf_program *program = attach_program(a, p);

	return program ? bpf_program__fd(program) : -1;
}

static int start(struct mesh_maps *m, struct attach *a, struct error *err)
{
	const char *link_dir = attach_link_dir(a);

	m->slot_fd = attach_map_fd(a, "weft_mesh");
	if (m->slot_fd < 0 || !attach_has(a, PROGRAM_mesh_connect4))
		return error_set(err, -ENOENT,
				 "the kernel half has no mesh: it was not wanted, or this kernel "
				 "refuses it");
	m->simulate_fd = program_fd(a, PROGRAM_mesh_simulate);
	m->explain_fd = program_fd(a, PROGRAM_mesh_explain);
	m->endpoints_fd = attach_map_fd(a, "weft_endpoints");
	m->services_fd = attach_map_fd(a, "weft_services");
	if (link_dir)
		snprintf(m->pin_dir, sizeof(m->pin_dir), "%s/..", link_dir);
	adopt(m);
	return 0;
}

void mesh_maps_repin(const struct mesh_maps *m, struct repin *r)
{
	char path[448];

	for (int i = 0; i < ARENAS && m->pin_dir[0]; i++) {
		arena_pin_path(m, i, path, sizeof(path));
		repin_object(r, path, m->arenas[i].fd);
	}
}

int mesh_maps_new(struct attach *a, struct mesh_maps **ret_maps, struct error *err)
{
	struct mesh_maps *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return error_set(err, -ENOMEM, "no memory");
	m->live = NO_ARENA;
	for (int i = 0; i < ARENAS; i++)
		m->arenas[i].fd = -1;
	r = start(m, a, err);
	if (r)
		mesh_maps_free(m);
	else
		*ret_maps = m;
	return r;
}

void mesh_maps_free(struct mesh_maps *m)
{
	if (!m)
		return;
	mesh_arena_unmap(m->header, 1);
	for (int i = 0; i < ARENAS; i++)
		arena_release(&m->arenas[i]);
	free(m);
}

/* The kernel writes the context back in place. */
static int run_by_hand(int fd, void *context, uint32_t size_bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = context, .ctx_size_in = size_bytes);

	if (fd < 0)
		return -ENOTSUP;
	return bpf_prog_test_run_opts(fd, &opts) ? -errno : 0;
}

int mesh_maps_simulate(const struct mesh_maps *m, struct weft_simulation *simulation)
{
	return run_by_hand(m->simulate_fd, simulation, sizeof(*simulation));
}

int mesh_maps_explain(const struct mesh_maps *m, struct weft_explanation *explanation)
{
	return run_by_hand(m->explain_fd, explanation, sizeof(*explanation));
}
