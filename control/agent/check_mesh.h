/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The mesh's part of `weft check`. */
#pragma once

#include "control/agent/check_parts.h"
#include "control/export/json.h"

/* Writes the array |key|: objects with name, result (ok, limited, off, failed), detail, problem;
 * empty without a mesh. */
void check_mesh_write(struct json *j, const char *key, const struct check *check);
