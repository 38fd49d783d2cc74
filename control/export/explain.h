/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `weft policy explain`: what policies say of a connection and why, for people. */
#pragma once

#include "base/error.h"
#include "mesh-config/model.h"

struct text;

/* |from|, |to|: an address, WORKLOAD or NAMESPACE/WORKLOAD; |from| "" = nobody that the mesh knows,
 * at an address that is not known. |port|: where the workload listens. Writes one JSON object and a
 * line end. 0; -EINVAL, -ENOENT, -ENOMEM or -E2BIG with |err|. */
int explain_write(const struct mesh *m, const char *from, const char *to, const char *port,
		  struct text *out, struct error *err);
