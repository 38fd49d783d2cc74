/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks the loader for the present meaning of names in a mesh's matchers on this machine. */
#pragma once

#include "control/ipc/ipc.h"

#include "mesh-config/compile/matchers.h"

/* Fills |ret| (the caller frees it) for compile_input. For a mesh without such names there is no
 * request. 0; -ENOMEM, -E2BIG (more names than one question holds), or what ipc_ask met. */
int names_ask(struct ipc *loader, const struct mesh *m, struct matcher_names **ret,
	      uint32_t *ret_count, struct error *err);
