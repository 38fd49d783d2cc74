/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which address is whose: the table weft_mesh_header.addresses. An address that several workloads
 * have belongs to those with a name, if one has. If they differ in what policies see, a port is of
 * those that say it is theirs or have an endpoint there, and any other port may be of each of them:
 * see weft_mesh_identity.next. A workload that is known by its process too does not count then: who
 * listens tells more than the address. Prefixes are those of workloads that nothing else is known
 * of; an address that a workload has is not in them. */
#pragma once

#include "mesh-config/compile/cells_table.h"
#include "mesh-config/compile/workload_ids.h"

struct addresses;

/* |expected| addresses; both others are borrowed. NULL when memory is short. */
struct addresses *addresses_new(struct cells *c, const struct workload_ids *ids, uint32_t seed,
				uint32_t expected);
void addresses_free(struct addresses *a); /* NULL is fine */

/* Follows the latest workload_ids_update from |previous| to |m|, after workload_ids_write. 0,
 * -ENOMEM, -EXFULL (see cells_table_put), cells_error or -EMLINK: more than WEFT_MESH_IDENTITIES
 * workloads that differ have one address, or prefixes have more than WEFT_MESH_LENGTHS lengths. */
int addresses_update(struct addresses *a, const struct mesh *previous, const struct mesh *m);

const struct cells_table *addresses_table(const struct addresses *a);

/* The cell of the lengths of prefixes, 0: there are none. */
uint32_t addresses_lengths(const struct addresses *a);

/* How many addresses several workloads share that are not alike. */
uint32_t addresses_shared(const struct addresses *a);
