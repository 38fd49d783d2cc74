// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two arenas alternate: the one that is not in force is brought up to date in idle time, and
 * becomes the next generation by writing the changes. */
#include "control/apply/writer.h"

#include "control/apply/accelerate.h"
#include "control/apply/generation.h"
#include "control/apply/names.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "mesh-config/compile/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PART_CELLS	  4096u /* 256 KiB */
#define GROWTH		  32u	/* reserve for cells that a change may add */
#define DESCRIBE_AFTER_MS 1

/* An arena of the kernel in this process's memory. */
struct target {
	uint32_t id; /* 0: none */
	void *cells;
	uint32_t count;
	struct cells_held held;
};

struct writer {
	struct writer_options options;
	struct compiler *compiler;
	uint64_t number; /* of the latest generation */
	struct accelerate accelerate;
	struct mesh *spare; /* compiled, not in force: the compiler still uses it */
	struct target targets[2];
	struct target *live; /* in force; NULL: none known */
	struct target *next; /* the other one; NULL: the loader knows */
	bool behind;	     /* |next| does not contain the generation in force yet */
};

/* Continues the numbering of the former agent: generation numbers only grow. */
static void adopt(struct writer *w, const struct mesh_state *before)
{
	const struct weft_mesh_header *header = before->live;

	if (!header || compiler_adopt(w->compiler, header, before->live_cells))
		return;
	w->number = header->generation;
}

int writer_new(const struct writer_options *options, struct writer **ret, struct error *err)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return error_set(err, -ENOMEM, "no memory");
	w->options = *options;
	w->accelerate.sent_hash = UINT64_MAX; /* the earlier agent's request is not known */
	w->compiler = compiler_new(options->seed);
	if (!w->compiler) {
		writer_free(w);
		return error_set(err, -ENOMEM, "no memory for the mesh");
	}
	adopt(w, &options->state);
	*ret = w;
	return 0;
}

static void target_drop(struct target *t)
{
	if (t->cells)
		mesh_arena_unmap(t->cells, t->count);
	*t = (struct target){0};
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	target_drop(&w->targets[0]);
	target_drop(&w->targets[1]);
	compiler_free(w->compiler);
	mesh_free(w->spare);
	free(w);
}

/* A number that the mesh has not used for two generations is free once the kernel has no connection
 * left that counts for it. */
static bool idle(void *arg, enum compile_number kind, uint32_t number)
{
	struct writer *w = arg;

	if (kind == COMPILE_ENDPOINT) {
		struct weft_endpoint_state *e = &w->options.state.endpoints[number];

		if (__atomic_load_n(&e->connections, __ATOMIC_RELAXED))
			return false;
		memset(e, 0, sizeof(*e));
		return true;
	}
	if (__atomic_load_n(&w->options.state.services[number].connections, __ATOMIC_RELAXED))
		return false;
	memset(&w->options.state.services[number], 0, sizeof(w->options.state.services[number]));
	return true;
}

/* ---- what numbers mean */

static int fill_services(struct generation *g, const struct compile_names *names)
{
	g->services = malloc((g->mesh->service_count + 1) * sizeof(*g->services));
	if (!g->services)
		return -ENOMEM;
	memset(g->services, 0xff, (g->mesh->service_count + 1) * sizeof(*g->services));
	for (uint32_t state = 0; state < names->service_count; state++)
		if (names->services[state] != MESH_NONE)
			g->services[names->services[state]] = state;
	return 0;
}

/* Inserts |e| among those of its endpoint, of which there are few; |at| is after them. */
static void insert(struct generation_endpoint *at, const struct generation_endpoint *first,
		   const struct generation_endpoint *e)
{
	while (at > first && at[-1].endpoint == e->endpoint && at[-1].port > e->port) {
		*at = at[-1];
		at--;
	}
	*at = *e;
}

static int fill_endpoints(struct generation *g, const struct compile_names *names)
{
	/* by endpoint: position of its first one, then of its next one */
	uint32_t *places = calloc(g->mesh->endpoint_count + 1u, sizeof(*places));
	uint32_t count = 0;

	g->endpoints = calloc(names->endpoint_count + 1u, sizeof(*g->endpoints));
	if (!g->endpoints || !places) {
		free(places);
		return -ENOMEM;
	}
	for (uint32_t state = 0; state < names->endpoint_count; state++)
		if (names->endpoints[state] != MESH_NONE)
			places[names->endpoints[state]]++;
	for (uint32_t i = 0; i < g->mesh->endpoint_count; i++) {
		uint32_t ports = places[i];

		places[i] = count;
		count += ports;
	}
	g->endpoint_count = count;
	for (uint32_t state = 0; state < names->endpoint_count; state++) {
		struct generation_endpoint e = {names->endpoints[state], state,
						names->endpoint_ports[state], 0};

		if (e.endpoint != MESH_NONE)
			insert(&g->endpoints[places[e.endpoint]++], g->endpoints, &e);
	}
	free(places);
	return 0;
}

/* Takes ownership of |mesh| if it succeeds. */
static struct generation *describe(struct writer *w, struct mesh *mesh)
{
	static const uint8_t nowhere[16];
	struct compile_names *names = compiler_names(w->compiler);
	struct generation *g = generation_new();

	if (!g || !names) {
		compile_names_free(names);
		generation_put(g);
		return NULL;
	}
	g->number = w->number;
	g->mesh = mesh;
	g->names = names;
	if (!fill_services(g, names) && !fill_endpoints(g, names)) {
		mesh_endpoint_find(mesh, nowhere); /* its table is made here, not by the worker */
		return g;
	}
	g->mesh = NULL;
	generation_put(g);
	return NULL;
}

/* ---- into the kernel */

/* Maps the arena from the loader, unless it is mapped already. */
static struct target *target_get(struct writer *w, uint32_t id, uint32_t count, int fd)
{
	struct target *t = &w->targets[w->live == &w->targets[0]];

	for (unsigned i = 0; i < 2; i++)
		if (w->targets[i].id == id && w->targets[i].cells)
			return &w->targets[i];
	target_drop(t); /* what it had was replaced by a larger one */
	t->cells = mesh_arena_map(fd, count);
	if (!t->cells)
		return NULL;
	t->id = id;
	t->count = count;
	return t;
}

/* |w->next| is the arena that is not in force, with room for |count| cells. */
static int next_get(struct writer *w, uint32_t count, struct error *err)
{
	struct ipc_arena arena;
	struct ipc_answer answer = {.data = &arena, .size = sizeof(arena), .wants_fd = true};
	uint64_t wanted = count;
	int r;

	if (w->next && w->next->count >= count)
		return 0;
	w->next = NULL;
	r = ipc_ask(w->options.loader, IPC_MESSAGE_ARENA, &wanted, sizeof(wanted), &answer, err);
	if (r)
		return r;
	w->next = target_get(w, arena.id, arena.cells, answer.fd);
	cleanup_close_fd(&answer.fd);
	return w->next ? 0
		       : error_set(err, -errno, "cannot map memory of the kernel: %s",
				   strerror(errno));
}

static void copy(struct writer *w, uint32_t most)
{
	const struct cells *cells = compiler_cells(w->compiler);
	uint64_t oldest = compiler_oldest(w->compiler);
	struct target *t = w->next;

	if (t->held.epoch < oldest)
		t->held.epoch = 0;
	if (t->held.ahead < oldest)
		t->held.end = 0;
	cells_copy(cells, &t->held, t->cells, most);
}

static void took_turns(struct writer *w)
{
	struct target *before = w->live;

	w->live = w->next;
	w->next = before;
	w->behind = true;
}

/* The new generation is in force as soon as the kernel executed the loader's request; the kernel
 * then waits for programs that still use the old one. Meanwhile slow work is done here, unless it
 * would keep the loader from this CPU. */
static int put_in_force(struct writer *w, struct mesh *mesh, struct generation **ret,
			struct error *err)
{
	int r = next_get(w, cells_count(compiler_cells(w->compiler)), err);
	uint64_t id;

	if (r)
		return r;
	copy(w, UINT32_MAX);
	id = w->next->id;
	r = ipc_ask_begin(w->options.loader, IPC_MESSAGE_FLIP, &id, sizeof(id), err);
	if (r)
		return r;
	ipc_wait(w->options.loader, DESCRIBE_AFTER_MS);
	*ret = describe(w, mesh);
	r = ipc_ask_end(w->options.loader, NULL, err);
	if (!r && !*ret)
		r = error_set(err, -ENOMEM, "in force, but no memory for its names");
	if (r && *ret) {
		(*ret)->mesh = NULL; /* the compiler still looks at it */
		generation_put(*ret);
	}
	return r;
}

int writer_write(struct writer *w, struct mesh *mesh, struct generation **ret_generation,
		 struct writer_result *ret, struct error *err)
{
	struct compile_input input = {
		.mesh = mesh, .generation = w->number + 1, .idle = idle, .arg = w};
	struct compile_statistics statistics;
	struct matcher_names *names = NULL;
	struct generation *generation;
	uint64_t began_us;
	int r = names_resolve(w->options.loader, mesh, &names, &input.name_count, err);

	w->behind = false; /* what is compiled is not in force */
	input.names = names;
	r = r ? r : compiler_run(w->compiler, &input, err);
	free(names);
	mesh_free(w->spare);
	w->spare = mesh;
	if (r)
		return r;
	w->number++;
	began_us = process_now_us();
	r = put_in_force(w, mesh, &generation, err);
	if (r) {
		w->live = w->next = NULL; /* the loader knows which is which */
		return r;
	}
	took_turns(w);
	w->spare = NULL;
	compiler_statistics(w->compiler, &statistics);
	*ret = (struct writer_result){.number = w->number,
				      .cells = statistics.cells_used,
				      .apply_us = (uint32_t)(process_now_us() - began_us)};
	*ret_generation = generation;
	ret->unfinished = !accelerate_send(&w->accelerate, w->options.loader, generation,
					   ret->acceleration, sizeof(ret->acceleration));
	return 0;
}

bool writer_prepare(struct writer *w)
{
	const struct cells *cells;
	struct error ignored = {0};
	uint32_t count;

	if (!w->behind)
		return false;
	cells = compiler_cells(w->compiler);
	count = cells_count(cells);
	w->behind = !next_get(w, count + count / GROWTH, &ignored); /* else it is asked for again */
	if (!w->behind)
		return false;
	copy(w, PART_CELLS);
	w->behind = !cells_copied(cells, &w->next->held);
	return w->behind;
}
