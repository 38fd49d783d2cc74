/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One service to cells: its fronts, its own cell, its pools, and a block with its routes, endpoints
 * and Maglev tables. For those that changed, in this order: compiled_new for each; compiled_inherit
 * from what it was, or compiled_erase of what is gone; compile_service for each; compiled_free of
 * what was. */
#pragma once

#include "mesh-config/compile/context.h"

/* Takes numbers for the service and its endpoints. NULL: memory or numbers are short. */
struct compiled *compiled_new(struct compile_context *c, uint32_t service);

/* Takes over the block and the fronts of |old|, the same service as it was: what stays is not
 * written anew. */
void compiled_inherit(struct compiled *s, struct compiled *old);

/* Takes fronts and block away. */
void compiled_erase(struct compile_context *c, struct compiled *s);

/* Writes all cells of the service. The services whose endpoints it leads to have their numbers. 0,
 * -ENOMEM, -ENOSPC, -E2BIG or -EXFULL (see cells_table_put). */
int compile_service(struct compile_context *c, uint32_t service);

/* Gives the numbers back and ends it. NULL is fine. */
void compiled_free(struct compile_context *c, struct compiled *s);

/* The most addresses that a virtual prefix is expanded to. */
#define COMPILE_PREFIX_MAX 256u

/* Whether connections to its addresses are balanced at all. */
bool compile_has_fronts(const struct mesh *m, const struct mesh_service *s);
