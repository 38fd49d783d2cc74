/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The workloads of a mesh in numbers that stay over generations, and their cells. */
#pragma once

#include "mesh-config/compile/cells.h"
#include "mesh-config/policy/identities.h"

struct workload_ids;

/* NULL when memory is short. workload_ids_move comes before all but workload_ids_adopt. */
struct workload_ids *workload_ids_new(void);
void workload_ids_free(struct workload_ids *ids); /* NULL is fine */

/* Cells are in |c| from now on: nothing is written yet. The next workload_ids_update must have no
 * |previous|, and keeps the numbers. */
void workload_ids_move(struct workload_ids *ids, struct cells *c);

/* |key| of an identity cell that an earlier agent put has this number. */
void workload_ids_adopt(struct workload_ids *ids, uint64_t key, uint32_t number);

/* Numbers the workloads of |m|. |previous| is the mesh of the last successful call, NULL at first.
 * 0, -ENOMEM or -ENOSPC. After a failure only workload_ids_free is left. */
int workload_ids_update(struct workload_ids *ids, const struct mesh *previous,
			const struct mesh *m);

struct identity_change {
	uint32_t workload; /* index: gone ones in |previous|, come ones in |m| */
	uint32_t number;
};

/* What the last update changed. Borrowed. */
const struct identity_change *workload_ids_gone(const struct workload_ids *ids,
						uint32_t *ret_count);
const struct identity_change *workload_ids_come(const struct workload_ids *ids,
						uint32_t *ret_count);

/* Of a workload of the mesh of the last update: its number, and the cell that the number has. */
uint32_t workload_ids_number(const struct workload_ids *ids, uint32_t workload);
uint32_t workload_ids_cell(const struct workload_ids *ids, uint32_t number);

/* Whether policies and everything else that cells say of two numbers are the same. */
bool workload_ids_alike(const struct workload_ids *ids, uint32_t a, uint32_t b);

/* Grows when a namespace or a principal has its first workload, or one again. */
uint64_t workload_ids_version(const struct workload_ids *ids);

/* The same of a class. */
uint64_t workload_ids_class_version(const struct workload_ids *ids);

/* Fills |ret|, which the caller frees with workload_ids_view_free; texts are those of |m|, the mesh
 * of the last update. 0 or -ENOMEM. */
int workload_ids_view(const struct workload_ids *ids, const struct mesh *m,
		      struct identity_view *ret);
void workload_ids_view_free(struct identity_view *v);

/* Writes the cells of what came, or of all if |all|, with the policies of their classes. */
void workload_ids_write(const struct workload_ids *ids, const struct identity_policies *policies,
			bool all);

/* Numbers of workloads that are gone may be given to others some generations later. */
void workload_ids_retire(struct workload_ids *ids);

/* One more than the highest number that was ever used. */
uint32_t workload_ids_end(const struct workload_ids *ids);
