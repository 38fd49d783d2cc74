/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh in the kernel as user space holds it: generations are built in arenas and put in force
 * by one write; state that outlives them is mapped. Needs attach_options.mesh. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attach;
struct bpf_object;
struct mesh_maps;

/* The maps that are there with a mesh, by their names and those of their pins, NULL behind the
 * last: numbers of endpoints and services stand in all of them, so that builds share all or none.
 * The arenas are made here, when something comes into force. */
extern const char *const mesh_maps_names[];
extern const char *const mesh_maps_arenas[];

/* A generation that is being built. */
struct mesh_arena {
	void *cells; /* of WEFT_MESH_CELL_BYTES, if mapped: see below */
	uint32_t count;
	int fd;	     /* of its map: another process may map it and fill the cells */
	uint32_t id; /* changes when the map is another one */
};

/* Called by the loader, which alone talks to bpf(). Maps the state; finds out what an earlier agent
 * put in force. |a| must outlive it. 0, -ENOENT when |a| was made without a mesh or the kernel
 * refuses its programs, or what the kernel said, with |err|. Free with mesh_maps_free. */
int mesh_maps_new(struct attach *a, struct mesh_maps **ret_maps, struct error *err);

/* What is in force stays in force if |a| is pinned. */
void mesh_maps_free(struct mesh_maps *m);

/* An arena of at least |cells| cells that no program reads, not mapped. Until mesh_maps_flip every
 * call gives the same one, or a larger one with undefined content; else what an older generation
 * left is in it. Whoever fills it maps it and fills the cells up to weft_mesh_header.cells; the
 * descriptor belongs to |m|. 0, -E2BIG, -ENOMEM or what the kernel said. */
int mesh_maps_arena_get(struct mesh_maps *m, uint32_t cells, struct mesh_arena *ret_arena,
			struct error *err);

/* Maps the |count| cells of arena |fd| for writing, in a process that was given it. Release with
 * mesh_arena_unmap. NULL: errno says why. */
void *mesh_arena_map(int fd, uint32_t count);
void mesh_arena_unmap(void *cells, uint32_t count);

/* Puts the arena of the latest mesh_maps_arena_get in force for every connect from now on; returns
 * when no program reads the one before (some milliseconds). 0 or what the kernel said: then nothing
 * has changed. */
int mesh_maps_flip(struct mesh_maps *m, struct error *err);

/* Takes the mesh out of force: connects go where they ask. 0 or what the kernel said. */
int mesh_maps_clear(struct mesh_maps *m);

/* Cell 0 of what is in force: the generation of this agent or, before the first flip, of an earlier
 * one. NULL: none. Valid until the next mesh_maps_flip or mesh_maps_clear. */
const struct weft_mesh_header *mesh_maps_live(const struct mesh_maps *m);

/* The arena that is in force, mapped for as long as |m| has it; false: none. */
bool mesh_maps_live_arena(struct mesh_maps *m, struct mesh_arena *ret_arena);

/* Mapped state, WEFT_MESH_ENDPOINTS and WEFT_MESH_SERVICES elements; NULL with errno: it cannot be
 * mapped. Mapped by the first call: all of it then counts as memory of the process.
 * The kernel half changes it at any time (atomic reads). The agent writes |flags| (WEFT_EJECTED)
 * alone; an index may be given to another endpoint or service only while its |connections| is 0,
 * its counters zeroed before. A weft_mesh_pool.state is a struct weft_pool_state. */
struct weft_endpoint_state *mesh_maps_endpoints(struct mesh_maps *m);
struct weft_service_state *mesh_maps_services(struct mesh_maps *m);

/* Runs the balancing and policy code of the kernel half on what is in force; connects to nothing,
 * counts nothing. 0, -ENOTSUP (kernel before 5.14) or what the kernel said. */
int mesh_maps_simulate(const struct mesh_maps *m, struct weft_simulation *simulation);

/* The same for what policies say of a connection. */
int mesh_maps_explain(const struct mesh_maps *m, struct weft_explanation *explanation);

/* For attach.c: |object| is loaded without the maps of the mesh; those that an earlier agent pinned
 * in |pin_dir| (may be empty) are taken away. */
void mesh_maps_leave_out(struct bpf_object *object, const char *pin_dir);
