/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The workloads of a mesh in numbers that stay over generations, and their cells. */
#pragma once

#include "mesh-config/compile/cells.h"
#include "mesh-config/policy/identities.h"

struct roster;

/* NULL when memory is short. roster_move comes before all but roster_adopt. */
struct roster *roster_new(void);
void roster_free(struct roster *roster); /* NULL is fine */

/* Cells are in |c| from now on: nothing is written yet. The next roster_update must have no
 * |previous|, and keeps the numbers. */
void roster_move(struct roster *roster, struct cells *c);

/* |key| of an identity cell that an earlier agent put has this number. */
void roster_adopt(struct roster *roster, uint64_t key, uint32_t number);

/* Numbers the workloads of |m|. |previous| is the mesh of the last successful call, NULL at first.
 * 0, -ENOMEM or -ENOSPC. After a failure only roster_free is left. */
int roster_update(struct roster *roster, const struct mesh *previous, const struct mesh *m);

struct identity_change {
	uint32_t workload; /* index: gone ones in |previous|, come ones in |m| */
	uint32_t number;
};

/* What the last update changed. Borrowed. */
const struct identity_change *roster_gone(const struct roster *roster, uint32_t *ret_count);
const struct identity_change *roster_come(const struct roster *roster, uint32_t *ret_count);

/* Of a workload of the mesh of the last update: its number, and the cell that the number has. */
uint32_t roster_number(const struct roster *roster, uint32_t workload);
uint32_t roster_cell(const struct roster *roster, uint32_t number);

/* Whether policies and everything else that cells say of two numbers are the same. */
bool roster_alike(const struct roster *roster, uint32_t a, uint32_t b);

/* Grows when a namespace or a principal has its first workload, or one again. */
uint64_t roster_version(const struct roster *roster);

/* The same of a class. */
uint64_t roster_class_version(const struct roster *roster);

/* Fills |ret|, which the caller frees with roster_view_free; texts are those of |m|, the mesh
 * of the last update. 0 or -ENOMEM. */
int roster_view(const struct roster *roster, const struct mesh *m, struct identity_view *ret);
void roster_view_free(struct identity_view *v);

/* Writes the cells of what came, or of all if |all|, with the policies of their classes. */
void roster_write(const struct roster *roster, const struct identity_policies *policies, bool all);

/* Numbers of workloads that are gone may be given to others some generations later. */
void roster_retire(struct roster *roster);

/* One more than the highest number that was ever used. */
uint32_t roster_end(const struct roster *roster);
