/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of compile.c share while they make one generation. */
#pragma once

#include "mesh-config/compile/cells_table.h"
#include "mesh-config/compile/numbers.h"
#include "mesh-config/compile/workload_ids.h"
#include "mesh-config/compile/slots.h"

/* The key of an endpoint's number. */
struct endpoint_key {
	uint64_t service;
	uint8_t address[16];
	uint16_t port;
	uint16_t pad[3];
};

/* A service as it lies in the arena, and what it holds. */
struct compiled {
	uint64_t hash; /* of all that it depends on */
	uint64_t key;
	bool leaves; /* the mesh has it no more as it was */
	uint32_t number;
	uint32_t block, block_cells;
	uint32_t *endpoints; /* numbers, by endpoint and port of the service; NUMBER_NONE: none */
	uint32_t endpoint_count;
	uint32_t *pools; /* numbers */
	uint32_t pool_count;
	struct weft_mesh_key *fronts;
	uint32_t front_count;
};

struct compile_context {
	const struct mesh *mesh;
	struct cells *cells;
	struct numbers *endpoints, *states; /* states: of services and pools */
	struct slots state_cells;	    /* of services and pools */
	struct workload_ids *ids;
	const struct identity_view *view; /* of |ids| */
	struct cells_table fronts;
	struct compiled **services;  /* by index in |mesh| */
	struct compiled **by_number; /* services by state */
	uint32_t maglev_most;	     /* slots of a table */
};

/* The number of |endpoint| of |mesh| at the |port|-th port of its service. */
static inline uint32_t compile_endpoint_number(const struct compile_context *c, uint32_t endpoint,
					       uint32_t port)
{
	const struct mesh_endpoint *e = &c->mesh->endpoints[endpoint];
	const struct mesh_service *s = &c->mesh->services[e->service];

	return c->services[e->service]
		->endpoints[(endpoint - s->endpoint_first) * s->port_count + port];
}
