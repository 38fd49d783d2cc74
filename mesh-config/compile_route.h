/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The routes of a service's port as cells, and which pools they lead to. */
#pragma once

#include "mesh-config/balance.h"
#include "mesh-config/compile_context.h"
#include "mesh-config/compile_sheet.h"
#include "mesh-config/steps.h"

/* A service while it is made. */
struct route_plan {
	const struct compile_context *c;
	uint32_t service;
	struct sheet *sheet;
	struct balance_pool *pools; /* what routes lead to, each once */
	uint32_t pool_count, pool_capacity;
	struct steps steps; /* of matches; only if |has_steps| */
	bool has_steps;
	int error; /* sticky */
};

/* Adds the routes of the |port|-th port to the sheet, from the number *|ret_first|; returns how
 * many cells. The splits name pools by their number in the plan, matches are steps of the plan's.
 */
uint32_t compile_routes(struct route_plan *p, uint32_t port, uint32_t *ret_first);

void route_plan_free(struct route_plan *p);
