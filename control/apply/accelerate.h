/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which addresses may be accelerated: the endpoints of services that say so. */
#pragma once

#include "control/ipc/ipc.h"
#include "control/apply/generation.h"

struct accelerate {
	uint64_t told; /* hash of the list that the loader has; 0: none */
};

/* Tells the loader if the list is another one now. Why not all of it is in force is written to
 * |problem|, "" if it is. False: the loader did not answer in time and is to be told again. */
bool accelerate_tell(struct accelerate *a, struct ipc *loader, const struct generation *g,
		     char *problem, size_t size);
