/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The endpoints of a pool, and its Maglev table, as cells. */
#pragma once

#include "mesh-config/compile/balance.h"
#include "mesh-config/compile/context.h"
#include "mesh-config/compile/cell_builder.h"

/* Adds the cells to |builder| and fills |ret|, whose |first| and |maglev| are numbers of cells in
 * the builder. |of->port| MESH_NONE: a port that the service has not; such a pool is empty. 0,
 * -ENOMEM or -ENOSPC. */
int compile_pool(const struct compile_context *c, struct cell_builder *builder,
		 const struct balance_pool *of, struct weft_mesh_pool *ret);

/* The slots that a Maglev table of |m| may have so that all have room. */
uint32_t maglev_most(const struct mesh *m);
