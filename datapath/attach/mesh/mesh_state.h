/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh's memory in a process that holds no kernel object: the state that outlives generations,
 * and the generation that was in force before. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stddef.h>
#include <stdint.h>

/* From the process that holds the maps (mesh_maps_lend); not needed any more once they are
 * mapped. */
struct mesh_lent {
	int endpoints_fd, services_fd;
	int live_fd; /* of the arena in force; -1: none */
	uint32_t live_cells;
};

#define MESH_LENT_NONE ((struct mesh_lent){-1, -1, -1, 0})

/* The state arrays, WEFT_MESH_ENDPOINTS and WEFT_MESH_SERVICES elements. The kernel half changes
 * them at any time (read atomically). The agent writes only |flags| (WEFT_EJECTED); an index may be
 * reused for another endpoint or service only while its |connections| is 0, after its counters are
 * zeroed. A weft_mesh_pool.state is a struct weft_pool_state. */
struct mesh_state {
	struct weft_endpoint_state *endpoints;
	struct weft_service_state *services;
	const void *live; /* cells of the arena, read-only; NULL: none, or it cannot be mapped */
	uint32_t live_cells;
};

/* 0 or a negative errno with |err|. Close with mesh_state_close. */
int mesh_state_open(const struct mesh_lent *lent, struct mesh_state *ret, struct error *err);
void mesh_state_close(struct mesh_state *s);

/* Maps the |count| cells of arena |fd| for writing. Release with mesh_arena_unmap. NULL: errno has
 * the reason. */
void *mesh_arena_map(int fd, uint32_t count);
void mesh_arena_unmap(const void *cells, uint32_t count);
