/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh's maps in the process that holds them: generations are built in arenas and put in force
 * by one write. Needs attach_options.mesh. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach/mesh/mesh_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attach;
struct bpf_object;
struct mesh_maps;
struct repin;

/* Names of the maps (and their pins) that exist with a mesh, NULL-terminated: all of them contain
 * numbers of endpoints and services, so builds share all or none. Arenas are created here, when a
 * generation comes into force. */
extern const char *const mesh_maps_names[];
extern const char *const mesh_maps_arenas[];

/* A generation that is being built. */
struct mesh_arena {
	uint32_t count; /* of WEFT_MESH_CELL_BYTES */
	int fd;		/* of its map: another process may map it and fill in the cells */
	uint32_t id;	/* changes when the map is replaced */
};

/* Called by the loader, the only process that calls bpf(). Finds the generation that an earlier
 * agent put in force. |a| must outlive it. 0, -ENOENT when |a| was made without a
 * mesh or the kernel refuses its programs, or the kernel's error, with |err|. Free with
 * mesh_maps_free. */
int mesh_maps_new(struct attach *a, struct mesh_maps **ret_maps, struct error *err);

/* Pins the arenas again if they were removed (datapath/attach/core/repin.h). */
void mesh_maps_repin(const struct mesh_maps *m, struct repin *r);

/* The generation in force stays if |a| is pinned. */
void mesh_maps_free(struct mesh_maps *m);

/* An arena of at least |cells| cells that no program reads, not mapped. Until mesh_maps_flip every
 * call returns the same one, with the cells of an older generation in it, or a larger one with
 * undefined content. The caller maps it (mesh_arena_map) and fills the cells up to
 * weft_mesh_header.cells; the descriptor belongs to |m|. 0, -E2BIG, -ENOMEM or the kernel's error.
 */
int mesh_maps_arena_get(struct mesh_maps *m, uint32_t cells, struct mesh_arena *ret_arena,
			struct error *err);

/* Puts the arena of the latest mesh_maps_arena_get in force for all later connects; returns when no
 * program reads the former one (some milliseconds). 0 or the kernel's error: then nothing has
 * changed. */
int mesh_maps_flip(struct mesh_maps *m, struct error *err);

/* Takes the mesh out of force: connects keep their address. 0 or the kernel's error. */
int mesh_maps_clear(struct mesh_maps *m);

/* Cell 0 of the generation in force, of this agent or, before the first flip, of an earlier one.
 * NULL: none. Valid until the next mesh_maps_flip or mesh_maps_clear. */
const struct weft_mesh_header *mesh_maps_live(const struct mesh_maps *m);

/* What another process maps by mesh_state_open; the descriptors are |m|'s. */
struct mesh_lent mesh_maps_lend(const struct mesh_maps *m);

/* Runs the kernel half's balancing and policy code on the generation in force; does not connect or
 * count. 0, -ENOTSUP (kernel before 5.14) or the kernel's error. */
int mesh_maps_simulate(const struct mesh_maps *m, struct weft_simulation *simulation);

/* The same for the policies that apply to a connection. */
int mesh_maps_explain(const struct mesh_maps *m, struct weft_explanation *explanation);

/* For lifecycle.c: excludes the maps of the mesh from |object|; removes those that an earlier agent
 * pinned in |pin_dir| (may be empty). */
void mesh_maps_leave_out(struct bpf_object *object, const char *pin_dir);
