/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ends that may be one of several workloads: chains of weft_mesh_identity. Equal sets share one. */
#pragma once

#include "mesh-config/compile/workload_ids.h"

struct identity_sets;
struct identity_set;

/* Both are borrowed. NULL when memory is short. */
struct identity_sets *identity_sets_new(struct cells *c, const struct workload_ids *ids);
void identity_sets_free(struct identity_sets *s); /* NULL is fine */

/* The set of |count| workloads, by their numbers in ascending order; at least 2, at most
 * WEFT_MESH_IDENTITIES. It is held once more until identity_sets_drop. NULL: no room; the cells
 * say so, or memory is short. */
struct identity_set *identity_sets_hold(struct identity_sets *s, const uint32_t *numbers,
					uint32_t count);
void identity_sets_drop(struct identity_sets *s, struct identity_set *set); /* NULL is fine */

/* The first cell of the chain. */
uint32_t identity_set_cell(const struct identity_set *set);

/* Writes what the workloads of all sets are now: after workload_ids_write. */
void identity_sets_write(const struct identity_sets *s);
