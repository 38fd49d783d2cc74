/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which address is whose: the table weft_mesh_header.addresses. An address that several workloads
 * have belongs to those with a name, if only one has; if they differ in what policies see, the
 * address alone says nothing, and only address and port together do, by the endpoints there. */
#pragma once

#include "mesh-config/cells_table.h"
#include "mesh-config/roster.h"

struct addresses;

/* |expected| addresses; both others are borrowed. NULL when memory is short. */
struct addresses *addresses_new(struct cells *c, const struct roster *roster, uint32_t seed,
				uint32_t expected);
void addresses_free(struct addresses *a); /* NULL is fine */

/* Follows the latest roster_update from |previous| to |m|. 0, -ENOMEM, -EXFULL (see
 * cells_table_put) or cells_error. */
int addresses_update(struct addresses *a, const struct mesh *previous, const struct mesh *m);

const struct cells_table *addresses_table(const struct addresses *a);

/* How many addresses several workloads share that are not alike. */
uint32_t addresses_shared(const struct addresses *a);
