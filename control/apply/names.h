/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Has the loader resolve names in a mesh's matchers to their present ids on this machine. */
#pragma once

#include "control/ipc/ipc.h"

#include "mesh-config/compile/matchers.h"

/* Fills |ret| (the caller frees it) for compile_input. For a mesh without such names there is no
 * request. 0; -ENOMEM, -E2BIG (more names than fit in a request), or the result of ipc_ask. */
int names_resolve(struct ipc *loader, const struct mesh *m, struct matcher_names **ret,
		  uint32_t *ret_count, struct error *err);
