/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which endpoints a pool has, how much each of them gets, and in which order of nearness: Istio's
 * localityLbSetting (api networking/v1alpha3 destination_rule.proto) from this node's place. */
#pragma once

#include "mesh-config/model/model.h"

#include <linux/types.h>

#include "bpf/abi.h"

struct balance_member {
	uint32_t endpoint; /* index in the mesh */
	uint16_t port;	   /* where it serves */
	uint8_t tier;
	uint16_t group;	 /* in its tier: those of one row of distribute; else 0 */
	uint64_t weight; /* share within its tier; 1 to ALIAS_WEIGHT_MAX */
};

/* What a pool is of. */
struct balance_pool {
	uint32_t service;
	uint32_t subset; /* index in the mesh, MESH_NONE: all endpoints */
	uint32_t port;	 /* number in the service */
};

/* Fills |ret_members|, which has room for all endpoints of the service, with those that may get
 * connections: ready ones, or draining ones when no endpoint is ready; sorted by tier and group,
 * those of a group as in the mesh. Tiers are 0, 1, ... below WEFT_POOL_TIERS without a gap. Returns
 * how many.
 */
uint32_t balance_members(const struct mesh *m, const struct balance_pool *pool,
			 struct balance_member *ret_members);

/* The traffic policy of a pool. */
const struct mesh_traffic *balance_traffic(const struct mesh *m, const struct balance_pool *pool);
