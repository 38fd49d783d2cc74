/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel holds of the mesh, read by its pins: with an agent or without. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"

#include <stdbool.h>
#include <stdint.h>

struct mesh_read {
	const void *cells; /* of the arena in force; NULL: none is */
	uint32_t count;
	const struct weft_endpoint_state *endpoints; /* WEFT_MESH_ENDPOINTS */
	const struct weft_service_state *services;   /* WEFT_MESH_SERVICES */
};

/* Finds the maps below |pin_dir| and maps them for reading. What is in force now is seen, later
 * generations are not. 0; -ENOENT when no mesh is pinned there, -EPROTO when it is of another
 * version, or what the kernel said, with |err|. Close with mesh_read_close. */
int mesh_read_open(const char *pin_dir, struct mesh_read *ret, struct error *err);
void mesh_read_close(struct mesh_read *m);

/* Whether what is pinned below |pin_dir| decides over connections: it has policies or addresses of
 * services. What cannot be read is taken for a mesh that does. */
bool mesh_read_decides(const char *pin_dir);
