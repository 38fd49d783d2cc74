/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the kernel's mesh state through its pins, with or without a running agent. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdbool.h>
#include <stdint.h>

struct mesh_read {
	const void *cells; /* of the arena in force; NULL: none */
	uint32_t count;
	const struct weft_endpoint_state *endpoints; /* WEFT_MESH_ENDPOINTS */
	const struct weft_service_state *services;   /* WEFT_MESH_SERVICES */
};

/* Finds the maps below |pin_dir| and maps them for reading. Shows the present generation, not later
 * ones. 0; -ENOENT when no mesh is pinned there, -EPROTO when it is of another version, or the
 * kernel's error, with |err|. Close with mesh_read_close. */
int mesh_read_open(const char *pin_dir, struct mesh_read *ret, struct error *err);
void mesh_read_close(struct mesh_read *m);

/* Whether a generation is in force in the maps pinned for the build below |map_dir|. */
bool mesh_read_in_force(const char *map_dir);

/* Whether the mesh pinned below |pin_dir| affects connections: it has policies or frontends. An
 * unreadable mesh counts as one that does. */
bool mesh_read_decides(const char *pin_dir);
