/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One generation of the mesh: immutable, reference-counted. Maps the kernel's numbers to names. */
#pragma once

#include "mesh-config/compile/compile.h"
#include "mesh-config/model/model.h"

#include <stdint.h>

/* An endpoint on one port of its service. */
struct generation_endpoint {
	uint32_t endpoint; /* index in the mesh */
	uint32_t state;	   /* in weft_endpoints */
	uint16_t port;	   /* of the endpoint */
	uint16_t pad;
};

struct generation {
	uint64_t number;
	struct mesh *mesh;
	struct generation_endpoint
		*endpoints; /* by index in the mesh, so those of one service are adjacent */
	uint32_t endpoint_count;
	struct compile_names *names;
	uint32_t *services; /* by index in the mesh: in weft_services, MESH_NONE = none */
	_Atomic uint32_t holders;
};

/* With one reference; the caller fills it. NULL when memory is short. */
struct generation *generation_new(void);

/* The rows of |endpoints| that are of |service|: from the result to |ret_end|, which is not one. */
uint32_t generation_rows(const struct generation *g, uint32_t service, uint32_t *ret_end);

struct generation *generation_get(struct generation *g);

/* Drops a reference; the last one frees it and the mesh. NULL is allowed. */
void generation_put(struct generation *g);
