/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The routes of a service's port as cells, and which pools they lead to. */
#pragma once

#include "mesh-config/compile/balance.h"
#include "mesh-config/compile/context.h"
#include "mesh-config/compile/cell_builder.h"
#include "mesh-config/policy/steps.h"

/* A service while it is made. */
struct route_plan {
	const struct compile_context *c;
	uint32_t service;
	struct cell_builder *builder;
	struct balance_pool *pools; /* what routes lead to, each once */
	uint32_t pool_count, pool_capacity;
	struct steps steps; /* of matches; only if |has_steps| */
	bool has_steps;
	uint32_t asks; /* WEFT_ASKS_* of the routes so far */
	int error;     /* sticky */
};

/* The routes of a port. Cells are relative to the builder, and so are those that the verdicts of
 * |match| name as their policy; it is a step of the plan. */
struct port_routes {
	uint32_t first, count; /* cells */
	uint32_t match;	       /* where the graph begins that chooses one; 0: the first is taken */
	uint32_t asks;	       /* WEFT_ASKS_* */
};

/* Adds the routes of the |port|-th port to the builder. The splits name pools by their number in
 * the plan. */
void compile_routes(struct route_plan *p, uint32_t port, struct port_routes *ret);

void route_plan_free(struct route_plan *p);
